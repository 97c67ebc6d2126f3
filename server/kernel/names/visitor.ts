import type Koa from 'koa'
import type { Field } from '../../../shared/field.js'
import type { Awaitable } from '../../../shared/promise.js'
import type { Sub } from '../../../shared/sub.js'
import {
  type BrowserId,
  type BrowserSubject,
  browserSubject,
  fleetingSubject,
  type Subject,
  subjectHash,
  type TabSubject,
  type UserSubject,
  userIdOf,
} from './subject.js'

/** An object that asks who the visitor of a request is. */
export interface Identifier {
  identify(ctx: Koa.Context): Awaitable<UserSubject | undefined>
}

/** The user whom `identify` has named, at the beginning of a request or during it. */
export interface Vouched {
  readonly user: UserSubject | undefined
  /** The count of ends when `identify` was asked. */
  readonly ends: number
}

/** The visitor at the other end of a request or socket: a browser, and the user who is signed in there. */
export class Visitor {
  readonly browser: BrowserId
  readonly browserSubject: BrowserSubject
  readonly user: UserSubject | undefined
  /** Hash of the user's subject. */
  readonly userSub: Sub | undefined
  /** The owner of the tab's own values: of a connection, or during a POST. */
  readonly tab: TabSubject | undefined

  /** @param browserSubject the owner of the browser's own values; a connection that came without a cookie has a fleeting one */
  constructor(
    browser: BrowserId,
    user: UserSubject | undefined,
    subject: BrowserSubject = browserSubject(browser),
    tab?: TabSubject,
  ) {
    this.browser = browser
    this.browserSubject = subject
    this.user = user
    this.userSub = user && subjectHash(user)
    this.tab = tab
  }

  /** Returns the subject that owns the register of a field. An undeclared key is the user's. */
  subject(field?: Pick<Field, 'scope'>): Subject {
    if (field?.scope === 'tab' && this.tab) return this.tab
    return field?.scope === 'browser' ? this.browserSubject : (this.user ?? this.browserSubject)
  }

  /** The user's id as text, as apps see it. */
  get userId(): string | undefined {
    return this.user && userIdOf(this.user)
  }

  /** The same visitor in one tab. Not for what is remembered of a cookie, which all tabs send. */
  inTab(tab: TabSubject | undefined): Visitor {
    return tab ? new Visitor(this.browser, this.user, this.browserSubject, tab) : this
  }

  /** The same visitor as a connection has it that came without a cookie. */
  get fleeting(): Visitor {
    return new Visitor(this.browser, this.user, fleetingSubject(this.browser))
  }

  /**
   * Returns the id by which an app can refer to the visitor in its own tables.
   *
   * @param hasId whether the browser has, or gets, a cookie with its id; without one a guest has no id
   */
  id(hasId: boolean): Sub | undefined {
    return this.userSub ?? (hasId ? subjectHash(this.browserSubject) : undefined)
  }
}
