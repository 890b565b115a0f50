import { BlockList, isIP } from 'node:net'

/** URLs (`http://user:password@proxy:3128`; no scheme means http; `https:` and `socks5:` work too), and exceptions. */
export interface ProxySettings {
  /** For http: requests. */
  readonly http?: string | undefined
  /** For https: requests. */
  readonly https?: string | undefined
  /** `NO_PROXY`: comma-separated hosts, `.domains`, addresses, address ranges, each with an optional port, or `*`. */
  readonly no?: string | undefined
}

/** The proxy a request goes through, chosen as Go's programs choose it; undefined: none. */
export function proxyFor(url: URL, settings: ProxySettings): string | undefined {
  const proxy = url.protocol === 'https:' ? settings.https : settings.http
  if (!proxy || isLoopback(url) || isExempt(url, settings.no ?? '')) return undefined
  return /^[a-z0-9]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`
}

function isLoopback(url: URL): boolean {
  const host = hostOf(url)
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function isExempt(url: URL, list: string): boolean {
  const host = hostOf(url)
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  return list.split(',').some((entry) => matchesEntry(entry.trim().toLowerCase(), host, port))
}

function matchesEntry(entry: string, host: string, port: string): boolean {
  if (entry === '') return false
  if (entry === '*') return true
  if (entry.includes('/')) return isInRange(host, entry)
  const { name, port: wanted } = splitPort(entry)
  if (wanted !== undefined && wanted !== port) return false
  if (isIP(name) !== 0) return name === host
  // `.example.com` and `*.example.com` are its subdomains only; `example.com` is itself and its subdomains.
  const domain = name.replace(/^\*\./, '.')
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`)
}

function splitPort(entry: string): { readonly name: string; readonly port: string | undefined } {
  const match = /^(?:\[(?<v6>[^\]]*)\]|(?<name>[^:]*))(?::(?<port>\d+))?$/.exec(entry)?.groups
  return match ? { name: match['v6'] ?? match['name'] ?? '', port: match['port'] } : { name: entry, port: undefined }
}

function isInRange(host: string, range: string): boolean {
  const family = isIP(host)
  const [network = '', bits = ''] = range.split('/')
  const type = isIP(network) === 6 ? 'ipv6' : 'ipv4'
  if (family === 0 || isIP(network) !== family || !/^\d+$/.test(bits)) return false
  if (Number(bits) > (family === 6 ? 128 : 32)) return false
  const list = new BlockList()
  list.addSubnet(network, Number(bits), type)
  return list.check(host, type)
}

/** Lower case, without the brackets of an IPv6 address and a trailing dot. */
function hostOf(url: URL): string {
  return url.hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
}
