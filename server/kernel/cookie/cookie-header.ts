/** Returns the values of all cookies with one name in a Cookie header; `pair` is the name with its equals sign. */
export function allValues(header: string, pair: string): readonly string[] {
  return header
    .split(/; */)
    .filter((cookie) => cookie.startsWith(pair))
    .map((cookie) => cookie.slice(pair.length))
}

/** Returns the value of a cookie whose name occurs only once, and where a name begins: anything else may have been planted. */
export function onlyValue(header: string, pair: string): string | undefined {
  const at = header.indexOf(pair)
  const isName = at === 0 || header[at - 1] === ';' || header.startsWith('; ', at - 2)
  if (at < 0 || !isName || header.indexOf(pair, at + 1) >= 0) return undefined
  const end = header.indexOf(';', at)
  return header.slice(at + pair.length, end < 0 ? undefined : end)
}

/** Returns a copy: a part cut out of a header would keep the whole header in memory. */
export function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
