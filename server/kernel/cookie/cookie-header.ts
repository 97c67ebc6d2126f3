/** The values of all cookies of one name in a Cookie header; `pair` is the name with its equals sign. */
export function allValues(header: string, pair: string): readonly string[] {
  return header
    .split(/; */)
    .filter((cookie) => cookie.startsWith(pair))
    .map((cookie) => cookie.slice(pair.length))
}

/** Whether a cookie's name begins there. */
export function isName(header: string, at: number): boolean {
  return at === 0 || header[at - 1] === ';' || header.startsWith('; ', at - 2)
}

/** A copy: what is cut out of a header would keep all of that header in memory. */
export function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

/** What stands in a header from there to the end of that cookie. */
export function valueAt(header: string, start: number): string {
  const end = header.indexOf(';', start)
  return end < 0 ? header.slice(start) : header.slice(start, end)
}
