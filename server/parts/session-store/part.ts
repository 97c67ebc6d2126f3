import onHeaders from 'on-headers'
import type { Core } from '../../kernel/seams/core.js'
import type { Part } from '../../kernel/seams/part.js'
import { AppSessions } from './app-sessions.js'
import { isSessionName, type SessionName } from './session-content.js'
import { SessionHandle } from './session-handle.js'
import { SessionRequests } from './session-requests.js'
import { KoaSessionStore } from './session-store.js'
import type { SessionStore } from './types.js'

const KEPT =
  'identify() has signed a user in, and ctx.session goes on under the id that the browser came with, which may have been planted: ' +
  'expected await ctx.session.regenerate() once the user is set'

/** The part, with what our own tests inspect. */
export interface SessionPart extends Part {
  readonly appSessions: AppSessions | undefined
}

/** Creates the part for koa-session's sessions, if the app keeps them here. */
export function sessionPart(core: Core): SessionPart {
  const requests = new SessionRequests()
  let appSessions: AppSessions | undefined
  let sessionStore: SessionStore | undefined
  return {
    get appSessions() {
      return appSessions
    },
    plugin: {
      sessionStore: (): SessionStore => {
        appSessions ??= new AppSessions(core)
        sessionStore ??= new KoaSessionStore(appSessions, requests, core.settings)
        return sessionStore
      },
    },
    names: {
      owns: isSessionName,
      isUsers: (name: SessionName) => appSessions?.memory.find(name)?.isUsers === true,
      take: (name: SessionName, registers, source) => appSessions?.memory.take(name, registers, source),
    },
    begins: (ctx, _, user) => {
      const session = appSessions && user && requests.brought(ctx)
      if (session) appSessions?.memory.setUsers(session)
    },
    // An attacker who has planted the id would be signed in too. The app may renew it before or after it sets the user.
    signsIn: (ctx) =>
      onHeaders(ctx.res, () => {
        const session = requests.brought(ctx)
        if (session && appSessions?.current(session)) core.warn(KEPT)
      }),
    handshake: {
      isUsed: () => appSessions !== undefined,
      // The session that koa-session has found for the browser; it stays in memory as long as the connection.
      connect: (ctx, conn) => {
        const found = requests.brought(ctx)
        if (!appSessions || !found) return undefined
        const sessions = appSessions
        const isOpen = conn.readyState === 'open'
        const session = isOpen ? sessions.memory.hold(found, conn) : found
        if (isOpen) conn.once('close', () => sessions.memory.release(session, conn))
        return (socket) => ({ session: new SessionHandle(sessions, core.report, session, socket) })
      },
    },
    settled: async () => appSessions?.stored?.updates.ended(),
    close: () => appSessions?.close(),
  }
}
