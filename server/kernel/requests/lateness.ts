import type { Warn } from '../../report.js'

const TOO_LATE_TO_SET =
  'values were used after the headers had gone out, for a browser without a live cookie: what it sets it cannot read again'

/** Warns of a change that is made too late for a cookie. */
export function warnOfLateChange(warn: Warn): void {
  warn(TOO_LATE_TO_SET)
}

const CONSEQUENCE = {
  'ctx.liveSession was first used': 'a cache between might keep for others what the answer says',
  'takeFlash was called': 'the back button might show its messages again',
}

/** Returns the error for a use after the headers have gone out: they tell caches about the response. */
export function usedLate(what: keyof typeof CONSEQUENCE): TypeError {
  return new TypeError(
    `koa-live-session: ${what} after the headers had gone out, so that ${CONSEQUENCE[what]}: expected it before the answer begins. ` +
      'Read what a stream is to say before you set ctx.body, or call ctx.liveSession.get(...) there',
  )
}
