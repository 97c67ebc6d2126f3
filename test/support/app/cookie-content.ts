import type { BrowserId, Sub } from '../../../server/subjects/subject.js'
import type { Visitor } from './visitor.js'

/** The content of a live cookie: docs/maintainers/protocol.md. */
interface CookieText {
  readonly browser: BrowserId
  readonly user?: Sub
  readonly epoch: number
  readonly exp: number
  readonly r: readonly (readonly [key: string, stamp: number, value?: unknown])[]
}

export function cookieContent(visitor: Visitor): CookieText {
  const [, text = ''] = /(?:^|; )live=([^;]*)/.exec(visitor.cookie) ?? []
  return JSON.parse(Buffer.from(text, 'base64').toString() || '{}')
}
