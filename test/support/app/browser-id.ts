import { type BrowserId, isBrowserId } from '../../../server/subjects/subject.js'

/** Returns a browser id that the test can name; a short text is padded. */
export function browserId(text: string | number): BrowserId {
  const id = String(text).padEnd(22, '-')
  if (!isBrowserId(id)) throw new TypeError(`${id} cannot be a browser's id`)
  return id
}
