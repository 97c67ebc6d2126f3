import type { ServerResponse } from 'node:http'
import { Http2ServerResponse } from 'node:http2'
import onHeaders from 'on-headers'

/** ms for headers to reach a browser, where its network is slow. */
const ON_THE_WAY = 5000

/** Does something once, when the browser has an answer's headers as far as can be known. The body of a stream may never end. */
export function onArrival(res: ServerResponse, act: () => void): void {
  if (isClosed(res)) {
    act()
    return
  }
  let timer: NodeJS.Timeout | undefined
  const arrive = (): void => {
    clearTimeout(timer)
    res.off('close', arrive)
    act()
  }
  const wait = (): void => {
    if (!isClosed(res)) timer = setTimeout(arrive, ON_THE_WAY).unref()
  }
  res.once('close', arrive)
  if (res.headersSent) wait()
  else onHeaders(res, wait)
}

/** Whether its `close` has been, or is about to come. The answers of HTTP/2 have no `closed`, but their streams tell. */
export function isClosed(res: ServerResponse | Http2ServerResponse): boolean {
  return res instanceof Http2ServerResponse ? res.stream.destroyed : res.closed
}
