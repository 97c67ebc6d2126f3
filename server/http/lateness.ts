// The warning and the errors for uses of `ctx.liveSession` after the response's headers.

import type { Warn } from '../settings/report.js'

const TOO_LATE_TO_SET =
  'values were used after the headers had gone out, so the browser gets no live cookie, and the next request will not see these values. ' +
  'Call get, set or embed() before you set ctx.body'

/** Warns of a change too late for the cookie. */
export function warnOfLateChange(warn: Warn): void {
  warn(TOO_LATE_TO_SET)
}

const CONSEQUENCE = {
  'ctx.liveSession was first used': "a cache may show this visitor's page to others",
  'takeFlash was called': 'the back button may show the messages again',
}

/** Returns the error for a use after the headers were sent: too late to restrict caches. */
export function usedLate(what: keyof typeof CONSEQUENCE): TypeError {
  return new TypeError(
    `koa-live-session: ${what} after the headers had gone out: ${CONSEQUENCE[what]}. ` +
      'Call get, set, embed() or takeFlash() before you set ctx.body to a stream',
  )
}
