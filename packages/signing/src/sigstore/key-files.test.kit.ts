/** Made by cosign, the passphrase is `pw`. */
export const cosigns = {
  privateKey: [
    '-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----',
    'eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6',
    'OCwicCI6MX0sInNhbHQiOiJHbkhQUzhweWZDNEMxRHlFL00ycTZnRW50NTlNdXFI',
    'UTliclhQOFdnNHNFPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94',
    'Iiwibm9uY2UiOiJWQjNxc2tTb1JlV2ljZkhEMnBkQnJxcXFnWDBKVkNnZyJ9LCJj',
    'aXBoZXJ0ZXh0IjoiSllPOG5ZVmhMNDdidEdhV2VKTkI5STZHYU5XVmZMdG1VSkJM',
    'WFh5dEhEQzlJTW12dVprdDBGMGcwODFPRmpkbVpsRlJ1K1NMdVh2R29JdlJORFNH',
    'ZjAzZllhTC9zOWxBQkZjY1h5WVI2OGx0Smk5bzZzeXk2UzBYempHT3dOR0dleU1T',
    'ZElJWVlWak9OZEtwL0ErVVFSdzJkdmdGcW1QR0ozdmxhWWtBVkY1NTR5ajEyamlu',
    'd01Fc3V2TGhqUkt3QXlTbytOWXQ0VkdGaUE9PSJ9',
    '-----END ENCRYPTED SIGSTORE PRIVATE KEY-----',
  ].join('\n'),
  publicKey: [
    '-----BEGIN PUBLIC KEY-----',
    'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8OLebDFbJHRV95V1jtQcT864aFdZ',
    '2BWvgqWsSZC7tu2wGWRmj8XY8Ral4d3RcHQ4VGP7KJUy5pZHcyujKS28PQ==',
    '-----END PUBLIC KEY-----',
    '',
  ].join('\n'),
}
/** Made by skopeo, the passphrase is `pw`. */
export const skopeos = {
  privateKey: [
    '-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----',
    'eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6',
    'OCwicCI6MX0sInNhbHQiOiIwVS94WjJnb2kxdmczd3E0SE5tcnJ4dk5tUTBCbkxq',
    'Vi9FU3lCaUcxSElNPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94',
    'Iiwibm9uY2UiOiJIV0xZODhZdmhVcEFLWTVNa1dzY3dQY3gzT2hXY3lzNyJ9LCJj',
    'aXBoZXJ0ZXh0IjoiZCt4V1BYbDdra1ppZEdwa2FveU5lZytvRTRhb09YZnJSK3Zr',
    'TVFJVlVXRmQ5cXBKa3J0bkZjcmt0eWJWOVdCK1BhTjRUQ2ZKc1RldGJ3Ym1RNHlI',
    'SjJoOUJOakt0MzBaWGFsZ1NpblVzdnpOL01PY2ljODhtZ0R3YUtQYlVQdi9ESUh5',
    'K1pXOFlodlRCaThudzBMMjJFa1lJZUV4blNGNnpRSmFWb3BDcW5pRGhkcTNIajdE',
    'dHlmUVExQXd0a2c4bUdvWGtqQ2ZJdWdOUVE9PSJ9',
    '-----END ENCRYPTED COSIGN PRIVATE KEY-----',
  ].join('\n'),
  publicKey: [
    '-----BEGIN PUBLIC KEY-----',
    'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEIu84TZXDMqB37sacutKjeZBWo4ok',
    'cXH737e8Pcg0gKDWDaUZY59a7bBAl2zB0XL2N/pk1ZWUPjyQVWkf66gOkA==',
    '-----END PUBLIC KEY-----',
    '',
  ].join('\n'),
}
