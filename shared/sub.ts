// Recognizes subject hashes, the names of subjects on the wire.

declare const KIND: unique symbol
/** A subject's name on the wire: base64url(SHA-256(subject)). */
export type Sub = string & { readonly [KIND]: 'subject hash' }

/** A SHA-256 hash in base64url. */
const SUB = /^[\w-]{43}$/

export function isSub(sub: unknown): sub is Sub {
  return typeof sub === 'string' && SUB.test(sub)
}
