/** Returns the values of all cookies with one name in a Cookie header; `pair` is the name with its equals sign. */
export function allValues(header: string, pair: string): readonly string[] {
  const values: string[] = []
  for (let at = header.indexOf(pair); at >= 0; at = header.indexOf(pair, at + pair.length)) {
    if (!beginsName(header, at)) continue
    const end = header.indexOf(';', at)
    values.push(header.slice(at + pair.length, end < 0 ? undefined : end))
  }
  return values
}

/** Another cookie's name may end like ours, and its value may hold our name. */
function beginsName(header: string, at: number): boolean {
  let before = at - 1
  while (header[before] === ' ') before -= 1
  return before < 0 || header[before] === ';'
}

/** Returns a copy: a part cut out of a header would keep the whole header in memory. */
export function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
