// Names of visitors: users, browsers, and what has none.

import { createHash, randomBytes } from 'node:crypto'
import { isWellFormed } from '../../../shared/json.js'
import type { Sub } from '../../../shared/sub.js'

declare const KIND: unique symbol
/** `user:s:ann`, `user:n:1`: the values of a signed-in user. */
export type UserSubject = string & { readonly [KIND]: 'user' }
/**
 * `browser:<id>`: the values of a guest, or the browser's own values while a user is signed in. `fleeting:<id>`: those of one connection, which
 * came without a cookie. Nothing leads to the latter any more once it is closed: they are not stored, and no other process is told of them.
 */
export type BrowserSubject = string & { readonly [KIND]: 'browser' }
/**
 * `tab:<browser id>/<random>`: the values of one tab, for as long as its connection or its POST lasts. The tab has them itself, in tickets that
 * are signed for any tab of its browser.
 */
export type TabSubject = BrowserSubject & { readonly of: 'tab' }
/** The name of what a part keeps besides subjects, with its own prefix: the store and other processes use the same name. */
export type PartName = string & { readonly [KIND]: 'part' }
/** The owner of values. */
export type Subject = UserSubject | BrowserSubject
/** The id in a browser's cookie: at least 128 random bits, known only to the browser and to servers. */
export type BrowserId = string & { readonly [KIND]: 'browser id' }
/** The signed-in user's id, as the app gives it: 1 to 256 characters, or a whole number. 1 and '1' are two users. */
export type UserId = string | number

const MAX_USER_ID = 256
const COOKIELESS = 'cookieless:'
const BROWSER_ID = /^[\w-]{22,64}$/

/**
 * Returns the subject of a user. It includes the id's type, so that the user 1 and the user '1' never share values.
 *
 * @param source the function or option with which the app gave the id
 * @throws {TypeError} if it cannot be an id: '', objects, NaN, more than 256 characters
 */
export function userSubject(id: unknown, source = 'identify'): UserSubject {
  if (typeof id === 'number' && Number.isSafeInteger(id)) return `user:n:${id}` as UserSubject
  // Lone surrogates are not characters: all of them would be hashed as the same text.
  if (typeof id === 'string' && id !== '' && id.length <= MAX_USER_ID && isWellFormed(id))
    return `user:s:${id}` as UserSubject
  const received = typeof id === 'string' ? `a string of ${id.length} characters` : typeof id
  throw new TypeError(
    `koa-live-session: ${source}: expected a string of 1 to ${MAX_USER_ID} characters or a whole number, received ${received}. ` +
      "Take the user's own id, like user.id",
  )
}

/**
 * Returns the user whom `identify` has named; undefined for a guest.
 *
 * @throws {TypeError} as `userSubject`
 */
export function userNamed(id: UserId | null | undefined): UserSubject | undefined {
  return id === undefined || id === null ? undefined : userSubject(id)
}

/** Returns a user's id as text, as apps see it. */
export function userIdOf(user: UserSubject): string {
  return user.slice('user:?:'.length)
}

export function isSubject(name: string): name is Subject {
  return isUser(name) || isBrowser(name) || isFleeting(name)
}

export function isBrowser(name: string): name is BrowserSubject {
  return name.startsWith('browser:')
}

/** Whether no store and no other process is told of its values. */
export function isFleeting(name: string): boolean {
  return name.startsWith('fleeting:') || isTab(name)
}

export function isTab(name: string): name is TabSubject {
  return name.startsWith('tab:')
}

export function isUser(subject: string): subject is UserSubject {
  return subject.startsWith('user:')
}

export function browserSubject(id: BrowserId): BrowserSubject {
  return `browser:${id}` as BrowserSubject
}

export function fleetingSubject(id: BrowserId): BrowserSubject {
  return `fleeting:${id}` as BrowserSubject
}

export function tabSubject(id: BrowserId): TabSubject {
  return `tab:${id}/${newBrowserId()}` as TabSubject
}

/** Names the connections that a user opened without a live cookie: nothing tells which browser they belong to. */
export function cookieless(user: Sub): string {
  return COOKIELESS + user
}

export function isCookieless(name: string): boolean {
  return name.startsWith(COOKIELESS)
}

/** Returns a new browser id: 128 random bits or more, so that no visitor gets another's by chance or by guessing. */
export function newBrowserId(): BrowserId {
  return randomBytes(16).toString('base64url') as BrowserId
}

export function isBrowserId(id: unknown): id is BrowserId {
  return typeof id === 'string' && BROWSER_ID.test(id)
}

/** Returns the name of a subject outside this process. It does not depend on a key, so that a key rotation orphans nothing. */
export function subjectHash(subject: Subject): Sub {
  const name = isTab(subject) ? subject.slice(0, subject.indexOf('/')) : subject
  return createHash('sha256').update(name).digest('base64url') as Sub
}
