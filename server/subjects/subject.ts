// Names the owners of values: users, browsers, tabs and connections without a cookie.

import { createHash, randomBytes } from 'node:crypto'
import { isWellFormed } from '../../shared/json.js'

declare const KIND: unique symbol
/** `user:s:ann`, `user:s:7`: owns the values of a signed-in user. */
export type UserSubject = string & { readonly [KIND]: 'user' }
/**
 * `browser:<id>`: owns a guest's values, or the browser's own values while a user is signed in. `connection:<id>`: owns the values of a
 * connection without a cookie. Such values are unreachable after the disconnect, so they are neither stored nor sent to other processes.
 */
export type BrowserSubject = string & { readonly [KIND]: 'browser' }
/**
 * `tab:<browser id>/<random>`: owns a tab's values during a connection or a POST. The tab itself keeps these values, in tickets that are
 * valid in any tab of the same browser.
 */
export type TabSubject = BrowserSubject & { readonly of: 'tab' }
const SIGN_OUT = 'signout:'
/** The name under which processes tell each other of a user's sign-out. */
export type SignOutKey = `${typeof SIGN_OUT}${Sub}`
/** The owner of values. */
export type Subject = UserSubject | BrowserSubject
/** The id in a browser's cookie: at least 128 random bits, a secret shared by the browser and the servers. */
export type BrowserId = string & { readonly [KIND]: 'browser id' }
/**
 * The signed-in user's id from the app: 1 to 256 characters, or a whole number from -(2 ** 53 - 1) to 2 ** 53 - 1. A number and its text,
 * such as `7` and `'7'`, are one user. Texts of no id, such as `'null'` and `'NaN'`, are refused.
 */
export type UserId = string | number

const USER = 'user:s:'
const MAX_USER_ID = 256
const BROWSER_ID = /^[\w-]{22,64}$/

/**
 * Returns a user's subject. A number gets the subject of its text, because databases and tokens return the same id as either.
 *
 * @param source the function or option that supplied the id
 * @throws {TypeError} if the id is invalid: '', 'undefined', an object, NaN, more than 256 characters
 */
export function userSubject(given: unknown, source = 'identify'): UserSubject {
  const id = Number.isSafeInteger(given) ? String(given) : given
  // Lone surrogates are not characters: hashing would make them all equal.
  if (typeof id === 'string' && id !== '' && id.length <= MAX_USER_ID && isWellFormed(id) && !isMadeOfNoId(id))
    return `${USER}${id}` as UserSubject
  throw new TypeError(
    `koa-live-session: ${source}: expected a string of 1 to ${MAX_USER_ID} characters or a whole number, received ${described(id)}. ` +
      "Take the user's own id, like user.id",
  )
}

/** Whether a text comes from a missing id, by `String(id)` or a template: all such visitors would be one user. */
function isMadeOfNoId(id: string): boolean {
  return ['undefined', 'null', 'NaN', '[object Object]'].includes(id)
}

/** Describes a refused id without quoting it, because it may be a secret. */
function described(id: unknown): string {
  if (typeof id !== 'string') return typeof id
  return isMadeOfNoId(id) ? `the text ${id}` : `a string of ${id.length} characters`
}

/**
 * Returns the subject of the user returned by `identify`; undefined for a guest.
 *
 * @throws {TypeError} as `userSubject`
 */
export function userNamed(id: UserId | null | undefined): UserSubject | undefined {
  return id === undefined || id === null ? undefined : userSubject(id)
}

/** Returns a user's id as text, for the app. */
export function userIdOf(user: UserSubject): string {
  return user.slice(USER.length)
}

export function isSubject(name: string): name is Subject {
  return isUser(name) || isBrowser(name) || isLocal(name)
}

export function isBrowser(name: unknown): name is BrowserSubject {
  return typeof name === 'string' && name.startsWith('browser:')
}

/** Whether the values under a name stay in this process: neither stored nor sent to other processes. */
export function isLocal(name: string): boolean {
  return name.startsWith('connection:') || isTab(name)
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

export function connectionSubject(id: BrowserId): BrowserSubject {
  return `connection:${id}` as BrowserSubject
}

export function tabSubject(id: BrowserId): TabSubject {
  return `tab:${id}/${newBrowserId()}` as TabSubject
}

/** Returns the key of a user's sign-outs. The key also names the user's connections without a live cookie. */
export function signOutKey(user: Sub): SignOutKey {
  return `${SIGN_OUT}${user}`
}

export function isSignOut(name: string): name is SignOutKey {
  return name.startsWith(SIGN_OUT)
}

/** Returns a new browser id: 128 random bits, which prevent collisions and guessing. */
export function newBrowserId(): BrowserId {
  return randomBytes(16).toString('base64url') as BrowserId
}

export function isBrowserId(id: unknown): id is BrowserId {
  return typeof id === 'string' && BROWSER_ID.test(id)
}

/** Returns a subject's public name, equal for all tabs of a browser. The hash is unkeyed, so that a rotation of secrets loses no values. */
export function subjectHash(subject: Subject): Sub {
  return hash(isTab(subject) ? subject.slice(0, subject.indexOf('/')) : subject)
}

/** Returns the public name of all tabs of a browser. */
export function tabsHash(id: BrowserId): Sub {
  return hash(`tab:${id}`)
}

function hash(name: string): Sub {
  return createHash('sha256').update(name).digest('base64url') as Sub
}

/** A subject's name on the wire: base64url(SHA-256(subject)). */
export type Sub = string & { readonly [KIND]: 'subject hash' }

/** A SHA-256 hash in base64url. */
const SUB = /^[\w-]{43}$/

export function isSub(sub: unknown): sub is Sub {
  return typeof sub === 'string' && SUB.test(sub)
}
