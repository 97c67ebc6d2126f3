import { cookieFor } from 'koa-live-session/testing'
import { whoOf } from '../../../server/identity/who.js'
import { browserSubject, type Sub, subjectHash, userSubject } from '../../../server/subjects/subject.js'
import { Visitor as Owner } from '../../../server/subjects/visitor.js'
import { App, type AppFields, type AppOptions } from './app.js'
import { type AuthStore, account, auth, identify } from './auth.js'
import { cookieContent } from './cookie-content.js'
import type { ReceivedTicket, TestSocket } from './socket.js'
import type { Visitor } from './visitor.js'

type Given = Omit<AppOptions<AppFields>, 'before' | 'fields'> & { readonly store?: AuthStore }

/** Starts an app with users who sign in with koa-session: see `account` for its paths. */
export function startWithUsers({ store, options, routes = account, ...given }: Given = {}): Promise<App> {
  const before: AppOptions<AppFields>['before'] = (koa) => [auth(koa, store ? { store } : {})]
  return App.start({ ...given, before, options: { identify, ...options } as never, routes })
}

/** Returns a new browser in which the user has signed in. */
export async function signedInAs(app: Pick<App, 'visitor'>, user = 'ann'): Promise<Visitor> {
  const visitor = app.visitor()
  await visitor.fetch(`/login/now?user=${user}`)
  return visitor
}

export async function values(visitor: Visitor, path = '/'): Promise<Record<string, unknown>> {
  return (await visitor.fetch(path)).json()
}

export function set(visitor: Visitor, wanted: object): Promise<Record<string, unknown>> {
  return values(visitor, `/set?values=${encodeURIComponent(JSON.stringify(wanted))}`)
}

/** Returns the public name of the browser id, as pages and tickets have it. */
export function nameOf(visitor: Visitor): Sub {
  return subjectHash(browserSubject(cookieContent(visitor).browser))
}

/** Returns the `who` of pages of this browser, and of the user who is signed in there. */
export function whoIn(visitor: Visitor, user?: string): string | undefined {
  const { browser, epoch } = cookieContent(visitor)
  return whoOf(new Owner(browser, user === undefined ? undefined : userSubject(user)), true, epoch)
}

export interface Changed {
  readonly visitor: Visitor
  readonly socket: TestSocket
  readonly ticket: ReceivedTicket
}

/** Returns a visitor's page with a value set over the socket and saved in the cookie. */
export async function change(app: App, cookie = cookieFor(app.live, {})): Promise<Changed> {
  const visitor = app.visitor(cookie)
  const socket = await visitor.connect()
  await socket.ticket()
  await socket.change('division', 7)
  const ticket = await socket.ticket()
  await visitor.store({ tickets: [ticket.text] })
  return { visitor, socket, ticket }
}
