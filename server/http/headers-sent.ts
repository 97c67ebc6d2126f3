// Detects when a browser has received a response, and when nothing catches the errors of the app's code.

import type { ServerResponse } from 'node:http'
import { Http2ServerResponse } from 'node:http2'
import type Koa from 'koa'
import onHeaders from 'on-headers'
import { hasFailed } from '../settings/report.js'
import { inRealTime } from '../settings/timers.js'

/** ms for headers to reach a browser on a slow network. */
const ON_THE_WAY = 5000

/** Calls `act` when the browser should have the response's headers. Does not await the end of the body, because a stream may never end. */
export function onHeadersSent(res: ServerResponse, act: () => void): void {
  if (isClosed(res)) {
    act()
    return
  }
  let cancel: (() => void) | undefined
  const arrive = (): void => {
    cancel?.()
    res.off('close', arrive)
    act()
  }
  const wait = (): void => {
    if (!isClosed(res)) cancel = inRealTime(ON_THE_WAY, arrive)
  }
  res.once('close', arrive)
  if (res.headersSent) wait()
  else onHeaders(res, wait)
}

/** Calls `act` just before the headers are sent; if the browser leaves before, then; if either has happened, after the caller's next lines. */
export function beforeHeaders(res: ServerResponse, act: () => void): void {
  if (res.headersSent || isClosed(res)) {
    queueMicrotask(act)
    return
  }
  let isDue = true
  const once = (): void => {
    if (isDue) act()
    isDue = false
  }
  onHeaders(res, once)
  res.once('close', once)
}

/** Returns whether the app's code may run where nothing catches its errors: in a log of an answered or failed request. */
export function isUncaught(ctx: Koa.Context): boolean {
  return ctx.res.headersSent || isClosed(ctx.res) || hasFailed(ctx)
}

/** Returns whether `close` was emitted or is about to be. HTTP/2 responses lack `closed`, but their streams have `destroyed`. */
export function isClosed(res: ServerResponse | Http2ServerResponse): boolean {
  return res instanceof Http2ServerResponse ? res.stream.destroyed : res.closed
}
