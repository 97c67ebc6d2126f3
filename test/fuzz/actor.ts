import {
  type BrowserId,
  browserSubject,
  type Subject,
  subjectHash,
  userSubject,
} from '../../server/kernel/names/subject.js'
import { Visitor } from '../../server/kernel/names/visitor.js'
import { whoOf } from '../../server/kernel/visitors/who.js'
import type { Sub } from '../../shared/sub.js'
import type { LightSocket } from './light-socket.js'

const REMEMBERED = 8

/** Whom the app's own session would name; '' for a guest. */
export type UserHeader = '' | `s:${string}` | `n:${number}`

/** The user whom `identify` reads from the header of a trusted proxy, as it were. */
export function userOf(header: string): string | number | undefined {
  if (header === '') return undefined
  return header.startsWith('n:') ? Number(header.slice(2)) : header.slice(2)
}

/** A visitor who may do what they like with what is their own, and with nothing else. */
export class Actor {
  readonly name: string
  readonly user: UserHeader
  /** Undefined for a browser without a cookie. */
  readonly browser: BrowserId | undefined
  readonly subjects: readonly Subject[]
  readonly hashes: readonly Sub[]
  /** Cookie headers that were issued to them. */
  readonly cookies: string[] = []
  /** Tickets that were issued to them. */
  readonly tickets: string[] = []
  socket: LightSocket | undefined

  /** @param own the owner of the browser's own values: of a connection without a cookie its own */
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

  /** Whose their pages are, where their browser has a cookie. */
  get who(): string | undefined {
    const id = userOf(this.user)
    const user = id === undefined ? undefined : userSubject(id)
    return this.browser && this.cookies.length > 0 ? whoOf(new Visitor(this.browser, user), true, 0) : undefined
  }

  get userHash(): Sub | undefined {
    return this.user === '' ? undefined : this.hashes[0]
  }

  /** The newest of what they were issued is enough to play with. */
  settle(): void {
    for (const ticket of this.socket?.tickets.splice(0) ?? []) this.tickets.push(ticket)
    for (const list of [this.cookies, this.tickets]) list.splice(0, list.length - REMEMBERED)
  }
}
