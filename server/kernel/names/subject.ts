import { createHash, randomBytes } from 'node:crypto'
import { isWellFormed } from '../../../shared/json.js'
import type { Sub } from '../../../shared/sub.js'

declare const KIND: unique symbol
/** `user:s:ann`, `user:n:1`: the values of a signed-in user. */
export type UserSubject = string & { readonly [KIND]: 'user' }
/** `browser:<id>`: those of a guest, and what is the browser's own where a user is signed in. */
export type BrowserSubject = string & { readonly [KIND]: 'browser' }
/** What a part keeps beside subjects, under a prefix of its own: the store and the other processes know it by the same name. */
export type PartName = string & { readonly [KIND]: 'part' }
/** Whose values. */
export type Subject = UserSubject | BrowserSubject
/** The id in a browser's cookie: at least 128 random bits, known to the browser and to servers alone. */
export type BrowserId = string & { readonly [KIND]: 'browser id' }
/** The signed-in user's id, as the app says it: 1 to 256 characters, or a whole number. 1 and '1' are two users. */
export type UserId = string | number

const MAX_USER_ID = 256
const COOKIELESS = 'cookieless:'
const BROWSER_ID = /^[\w-]{22,64}$/

/**
 * The subject of a user. The type is part of it, so that the user 1 and the user '1' never share values.
 *
 * @param source what the app has said it with
 * @throws {TypeError} for what cannot be an id: '', objects, NaN, more than 256 characters
 */
export function userSubject(id: unknown, source = 'identify'): UserSubject {
  if (typeof id === 'number' && Number.isSafeInteger(id)) return `user:n:${id}` as UserSubject
  // Lone surrogates are no characters: what is hashed would be the same text for all of them.
  if (typeof id === 'string' && id !== '' && id.length <= MAX_USER_ID && isWellFormed(id))
    return `user:s:${id}` as UserSubject
  const received = typeof id === 'string' ? `a string of ${id.length} characters` : typeof id
  throw new TypeError(
    `koa-live-session: ${source}: expected a string of 1 to ${MAX_USER_ID} characters or a whole number, received ${received}. ` +
      "Take the user's own id, like user.id",
  )
}

/**
 * Whom `identify` has named; undefined for a guest.
 *
 * @throws {TypeError} as `userSubject`
 */
export function userNamed(id: UserId | null | undefined): UserSubject | undefined {
  return id === undefined || id === null ? undefined : userSubject(id)
}

/** The id of a user as text, as apps are told it. */
export function userIdOf(user: UserSubject): string {
  return user.slice('user:?:'.length)
}

export function isSubject(name: string): name is Subject {
  return isUser(name) || isBrowser(name)
}

export function isBrowser(name: string): name is BrowserSubject {
  return name.startsWith('browser:')
}

export function isUser(subject: string): subject is UserSubject {
  return subject.startsWith('user:')
}

export function browserSubject(id: BrowserId): BrowserSubject {
  return `browser:${id}` as BrowserSubject
}

/** Names the connections that a user opened without a live cookie: nothing tells which browser they belong to. */
export function cookieless(user: Sub): string {
  return COOKIELESS + user
}

export function isCookieless(name: string): boolean {
  return name.startsWith(COOKIELESS)
}

/** A browser's id: 128 random bits or more, so that no visitor gets another's by chance or by guessing. */
export function newBrowserId(): BrowserId {
  return randomBytes(16).toString('base64url') as BrowserId
}

export function isBrowserId(id: unknown): id is BrowserId {
  return typeof id === 'string' && BROWSER_ID.test(id)
}

/** How a subject is named outside this process. It does not depend on a key, so a rotation strands nothing. */
export function subjectHash(subject: Subject): Sub {
  return createHash('sha256').update(subject).digest('base64url') as Sub
}
