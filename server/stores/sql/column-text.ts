/** Maximum characters of a stored subject or key: 255 bytes fit, and both fit into an index of each engine. */
export const MAX_TEXT: number = 3 * 255

/**
 * Returns a subject or key as its column holds it: printable ASCII unchanged, the rest as in a URL. PostgreSQL cannot store U+0000, and
 * MySQL treats texts as equal that differ only in trailing spaces, case or accents: two users would share their values.
 *
 * @throws {TypeError} if it is too long, or not well-formed text
 */
export function columnText(name: 'subject' | 'key', text: string): string {
  const stored = urlEncoded(text)
  if (stored !== undefined && stored.length <= MAX_TEXT) return stored
  const received = stored === undefined ? 'a lone surrogate' : `${stored.length.toLocaleString('en')} of them`
  throw new TypeError(
    `koa-live-session: sqlStore: ${name}: expected a text of at most ${MAX_TEXT} characters, URL-encoded, received ${received}`,
  )
}

/** Reverses `columnText`. Text that it never produces, written by another program, is passed on unchanged. */
export function fromColumnText(stored: string): string {
  try {
    return decodeURIComponent(stored)
  } catch {
    return stored
  }
}

function urlEncoded(text: string): string | undefined {
  try {
    return text.replace(/[^!-$&-~]/gu, encodeURIComponent)
  } catch {
    return undefined
  }
}
