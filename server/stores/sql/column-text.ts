/** Characters of a subject and of a key as they are stored: 255 bytes of them fit, and both fit into an index of each engine. */
export const MAX_TEXT: number = 3 * 255

/**
 * A subject or key as its column holds it: printable ASCII as it is, the rest as in a URL. PostgreSQL cannot store U+0000, and MySQL
 * takes texts for equal that differ in spaces at the end, in case or in an accent: two users would share their values.
 *
 * @throws {TypeError} for what is too long, or no text
 */
export function columnText(name: 'subject' | 'key', text: string): string {
  const stored = urlEncoded(text)
  if (stored !== undefined && stored.length <= MAX_TEXT) return stored
  const received = stored === undefined ? 'a lone surrogate' : `${stored.length.toLocaleString('en')} of them`
  throw new TypeError(
    `koa-live-session: sqlStore: ${name}: expected a text of at most ${MAX_TEXT} characters, URL-encoded, received ${received}`,
  )
}

/** What `columnText` was made of. Another program may have written what it never makes; that is passed on as it is. */
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
