/**
 * `node delay-proxy.ts TARGET ROUND_TRIP_MS`: a TCP proxy before TARGET (HOST:PORT) that behaves like a line with that
 * round-trip time and no limit of bandwidth, and prints the port it listens on. Connecting costs one round trip more,
 * which is put on the first bytes: the kernel answers before the proxy can.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

const [target = '', roundTrip = ''] = process.argv.slice(2)
const port = Number(target.slice(target.lastIndexOf(':') + 1))
const host = target.slice(0, target.lastIndexOf(':'))
const oneWayMs = Number(roundTrip) / 2

const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  const upstream = connect({ host, port, allowHalfOpen: true, noDelay: true })
  forward(client, upstream, oneWayMs * 2)
  forward(upstream, client, 0)
  for (const socket of [client, upstream]) {
    socket.on('error', () => {
      client.destroy()
      upstream.destroy()
    })
  }
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))

/** Passes on what `from` sends, in order, one way later; the first bytes `firstMs` later than that. */
function forward(from: Socket, to: Socket, firstMs: number): void {
  let readyAt = performance.now() + firstMs
  const later = (act: () => void) => {
    readyAt = Math.max(readyAt, performance.now())
    setTimeout(act, readyAt - performance.now() + oneWayMs)
  }
  from.on('data', (chunk) => later(() => to.writable && to.write(chunk)))
  from.on('end', () => later(() => to.end()))
}
