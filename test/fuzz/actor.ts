import { whoOf } from '../../server/identity/who.js'
import {
  type BrowserId,
  browserSubject,
  type Sub,
  type Subject,
  subjectHash,
  userSubject,
} from '../../server/subjects/subject.js'
import { Visitor } from '../../server/subjects/visitor.js'
import type { LightSocket } from './light-socket.js'

const REMEMBERED = 8

/** The user in the app's own session; '' for a guest. */
export type UserHeader = '' | `s:${string}` | `n:${number}`

/** Parses the user in a proxy's header. */
export function userOf(header: string): string | number | undefined {
  if (header === '') return undefined
  return header.startsWith('n:') ? Number(header.slice(2)) : header.slice(2)
}

/** A visitor, allowed to change only their own values. */
export class Actor {
  readonly name: string
  readonly user: UserHeader
  /** Undefined for a browser without a cookie. */
  readonly browser: BrowserId | undefined
  readonly subjects: readonly Subject[]
  readonly hashes: readonly Sub[]
  /** Issued Cookie headers. */
  readonly cookies: string[] = []
  /** Issued tickets. */
  readonly tickets: string[] = []
  socket: LightSocket | undefined

  /** @param own the subject of the browser's own values, or of a connection without a cookie */
  constructor(
    name: string,
    user: UserHeader,
    browser: BrowserId | undefined,
    own: Subject | undefined = browser && browserSubject(browser),
  ) {
    this.name = name
    this.user = user
    this.browser = browser
    const id = userOf(user)
    this.subjects = [...(id === undefined ? [] : [userSubject(id)]), ...(own === undefined ? [] : [own])]
    this.hashes = this.subjects.map(subjectHash)
  }

  get who(): string | undefined {
    const id = userOf(this.user)
    const user = id === undefined ? undefined : userSubject(id)
    return this.browser && this.cookies.length > 0 ? whoOf(new Visitor(this.browser, user), true, 0) : undefined
  }

  get userHash(): Sub | undefined {
    return this.user === '' ? undefined : this.hashes[0]
  }

  /** Keeps only the newest cookies and tickets. */
  settle(): void {
    for (const ticket of this.socket?.tickets.splice(0) ?? []) this.tickets.push(ticket)
    for (const list of [this.cookies, this.tickets]) list.splice(0, list.length - REMEMBERED)
  }
}
