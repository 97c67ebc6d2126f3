import { createHash, randomBytes } from 'node:crypto'
import { isWellFormed } from '../../shared/json.js'

/** Whose values: `user:s:ann`, `user:n:1`, `browser:<id>`. */
export type Subject = string
/** The signed-in user's id, as the app knows it. */
export type UserId = string | number

const MAX_USER_ID = 256
const BROWSER_ID = /^[\w-]{22,64}$/

/**
 * The subject of a user. The type is part of it, so that the user 1 and the user '1' never share values.
 *
 * @throws {TypeError} for what cannot be an id: '', objects, NaN, more than 256 characters
 */
export function userSubject(id: unknown): Subject {
  if (typeof id === 'number' && Number.isSafeInteger(id)) return `user:n:${id}`
  // Lone surrogates are no characters: what is hashed would be the same text for all of them.
  if (typeof id === 'string' && id !== '' && id.length <= MAX_USER_ID && isWellFormed(id)) return `user:s:${id}`
  const received = typeof id === 'string' ? `a string of ${id.length} characters` : typeof id
  throw new TypeError(
    `koa-live-session: identify: expected a string of 1 to ${MAX_USER_ID} characters or a whole number, received ${received}`,
  )
}

export function browserSubject(id: string): Subject {
  return `browser:${id}`
}

/** Names the connections that a user opened without a live cookie: nothing tells which browser they belong to. */
export function newcomers(userHash: string): string {
  return `new:${userHash}`
}

/** A browser's id: 128 random bits or more, so that no visitor gets another's by chance or by guessing. */
export function newBrowserId(): string {
  return randomBytes(16).toString('base64url')
}

export function isBrowserId(id: unknown): id is string {
  return typeof id === 'string' && BROWSER_ID.test(id)
}

/** How a subject is named outside this process. It does not depend on a key, so a rotation strands nothing. */
export function subjectHash(subject: Subject): string {
  return createHash('sha256').update(subject).digest('base64url')
}
