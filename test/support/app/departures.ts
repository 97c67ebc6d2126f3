/** The live cookie and its signature, but not the record of its retirement. */
const LIVE = /^live(\.sig)?=/

/** Returns only the live cookie of a Cookie header, as a thief or a browser without an app session has it. */
export function liveOnly(cookie: string): string {
  const pairs = cookie.split('; ').filter((pair) => LIVE.test(pair))
  return pairs.join('; ')
}

/** Returns only the cookies of the app's own session. */
export function appOnly(cookie: string): readonly string[] {
  return cookie.split('; ').filter((pair) => pair.startsWith('app'))
}

export function written(answer: Response): readonly string[] {
  return answer.headers.getSetCookie().filter((line) => LIVE.test(line))
}
