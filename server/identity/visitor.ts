import type { Field } from '../../shared/field.js'
import { browserSubject, type Subject } from './subject.js'

/** Who is at the other end of a request or a socket: a browser, and whom it is signed in as. */
export class Visitor {
  /** The browser's id; undefined until something is worth remembering. */
  readonly browser: string | undefined
  readonly browserSubject: Subject | undefined
  readonly user: Subject | undefined

  constructor(browser: string | undefined, user: Subject | undefined) {
    this.browser = browser
    this.browserSubject = browser === undefined ? undefined : browserSubject(browser)
    this.user = user
  }

  /** Whose register a field is in; undefined where the visitor has none yet. An undeclared key is the user's. */
  subject(field?: Pick<Field, 'scope'>): Subject | undefined {
    return field?.scope === 'browser' ? this.browserSubject : (this.user ?? this.browserSubject)
  }
}
