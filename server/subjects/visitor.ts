// The visitor: decides whether the user, the browser or the tab owns a field's value.

import type { Field } from '../../shared/field.js'
import {
  type BrowserId,
  type BrowserSubject,
  browserSubject,
  connectionSubject,
  type Sub,
  type Subject,
  subjectHash,
  type TabSubject,
  type UserSubject,
  userIdOf,
} from './subject.js'

/** The user returned by `identify`, at the start of a request or later in it. */
export interface IdentifiedUser {
  readonly user: UserSubject | undefined
  /** `Ends.revision` at the call of `identify`. */
  readonly revision: number
}

/** The visitor of a request or socket: a browser and, if signed in, its user. */
export class Visitor {
  readonly browser: BrowserId
  readonly browserSubject: BrowserSubject
  readonly user: UserSubject | undefined
  /** The hash of the user's subject. */
  readonly userSub: Sub | undefined
  /** The owner of the tab's values, for a connection or during a POST; else undefined. */
  readonly tab: TabSubject | undefined

  /** @param subject the owner of the browser's own values; for a connection without a cookie, a connection subject */
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

  /** Returns the owner of a field's register. An undeclared key belongs to the user or, for a guest, to the browser. */
  subject(field?: Pick<Field, 'scope'>): Subject {
    if (field?.scope === 'tab' && this.tab) return this.tab
    return field?.scope === 'browser' ? this.browserSubject : (this.user ?? this.browserSubject)
  }

  /** The user's id as text, for the app. */
  get userId(): string | undefined {
    return this.user && userIdOf(this.user)
  }

  /** Returns the same visitor in a tab. Never cache the result with a cookie: all tabs of a browser send the same cookie. */
  inTab(tab: TabSubject | undefined): Visitor {
    return tab ? new Visitor(this.browser, this.user, this.browserSubject, tab) : this
  }

  /** Returns the same visitor, with a connection subject in place of the browser's, for a connection without a cookie. */
  get ofConnection(): Visitor {
    return new Visitor(this.browser, this.user, connectionSubject(this.browser))
  }

  /**
   * Returns the public id of the visitor, for the app's own tables.
   *
   * @param hasId whether the browser has, or is about to get, a cookie with its id; a guest without a cookie has no public id
   */
  id(hasId: boolean): Sub | undefined {
    return this.userSub ?? (hasId ? subjectHash(this.browserSubject) : undefined)
  }
}
