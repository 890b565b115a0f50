/** Proxy URLs and exceptions, as the environment has them: nothing is checked here. */
export interface ProxySettings {
  /** For http: requests. */
  readonly http?: string
  /** For https: requests. */
  readonly https?: string
  /** `NO_PROXY`. */
  readonly no?: string
}

/**
 * HTTP_PROXY, HTTPS_PROXY and NO_PROXY, or the same in lower case. Under CGI (REQUEST_METHOD is set) HTTP_PROXY is the
 * client's `Proxy:` header and left out. Undefined when there is no proxy.
 */
export function readProxySettings(env: Readonly<Record<string, string | undefined>>): ProxySettings | undefined {
  const http = env['REQUEST_METHOD'] ? '' : env['HTTP_PROXY'] || env['http_proxy']
  const https = env['HTTPS_PROXY'] || env['https_proxy']
  const no = env['NO_PROXY'] || env['no_proxy']
  if (!http && !https) return undefined
  return { ...(http ? { http } : {}), ...(https ? { https } : {}), ...(no ? { no } : {}) }
}
