/** The live cookie and its signature. What tells of its end is no cookie of a visitor. */
const LIVE = /^live(\.sig)?=/

/** Returns only the live cookie of a Cookie header: as a thief has it, or when the app's own session has ended. */
export function liveOnly(cookie: string): string {
  const pairs = cookie.split('; ').filter((pair) => LIVE.test(pair))
  return pairs.join('; ')
}

export function written(answer: Response): readonly string[] {
  return answer.headers.getSetCookie().filter((line) => LIVE.test(line))
}
