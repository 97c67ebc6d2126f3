// sessions.ts
import { type RequestHandler, Router } from 'express'
import session, { type Store } from 'express-session'

export const isHttps = process.env['NODE_ENV'] === 'production'
/** With this prefix, which needs https, no sibling subdomain can plant the cookie. */
export const SESSION_COOKIE = isHttps ? '__Host-sid' : 'sid'

/** Lets a request that is under way at a sign-out not store its session again, unless the sign-out falls between `get` and `set`. */
const endForGood: RequestHandler = ({ session, sessionStore }, _, next) => {
  if (!session) return next() // the store does not answer
  const { save } = session
  const isNew = Object.keys(session).length === 1 // the cookie alone
  const saveIfStored: typeof save = (end) => {
    sessionStore.get(session.id, (error, stored) => (stored ? save.call(session, end) : end?.(error)))
    return session
  }
  if (!isNew) session.save = saveIfStored
  next()
}

export function sessionsIn(store: Store, secret: string): RequestHandler {
  const cookie = { sameSite: 'lax', secure: isHttps } as const
  const options = { name: SESSION_COOKIE, secret, store, cookie, resave: false, saveUninitialized: false }
  return Router().use(session(options), endForGood)
}
