import type Koa from 'koa'
import type { Field } from '../../../shared/field.js'
import type { Awaitable } from '../../../shared/promise.js'
import type { Sub } from '../../../shared/sub.js'
import {
  type BrowserId,
  type BrowserSubject,
  browserSubject,
  type Subject,
  subjectHash,
  type UserSubject,
} from './subject.js'

/** Asks who the visitor of a request is. */
export interface Identifier {
  identify(ctx: Koa.Context): Awaitable<UserSubject | undefined>
}

/** Whom `identify` has vouched for, at a request's beginning or within it. */
export interface Vouched {
  readonly user: UserSubject | undefined
  /** How many ends there had been when it was asked. */
  readonly ends: number
}

/** Who is at the other end of a request or a socket: a browser, and whom it is signed in as. */
export class Visitor {
  readonly browser: BrowserId
  readonly browserSubject: BrowserSubject
  readonly user: UserSubject | undefined
  /** Hash of the user's subject. */
  readonly userSub: Sub | undefined

  constructor(browser: BrowserId, user: UserSubject | undefined) {
    this.browser = browser
    this.browserSubject = browserSubject(browser)
    this.user = user
    this.userSub = user && subjectHash(user)
  }

  /** Whose register a field is in. An undeclared key is the user's. */
  subject(field?: Pick<Field, 'scope'>): Subject {
    return field?.scope === 'browser' ? this.browserSubject : (this.user ?? this.browserSubject)
  }

  /**
   * How an app may name the visitor in its own tables.
   *
   * @param hasId whether the browser has, or gets, a cookie that says its id: else a guest has no name
   */
  id(hasId: boolean): Sub | undefined {
    return this.userSub ?? (hasId ? subjectHash(this.browserSubject) : undefined)
  }
}
