import type { Announcements } from '../../kernel/memory/announcements.js'
import type { Remote } from '../../kernel/remote/remote.js'
import type { StoreSync } from '../../kernel/remote/store-sync.js'
import type { Report, Warn } from '../../kernel/report.js'
import type { Part } from '../../kernel/seams.js'
import type { Sessions } from '../../kernel/values/sessions.js'
import type { Settings } from '../../options.js'
import { AppSessions } from './app-sessions.js'
import { watchId } from './kept-id.js'
import { SessionHandle } from './session-handle.js'
import { isSessionName, type SessionName } from './session-name.js'
import { KoaSessionStore } from './session-store.js'
import type { SessionStore } from './types.js'

interface Needs {
  readonly announcements: Announcements
  readonly remote: Remote
  readonly report: Report
  readonly sessions: Sessions
  readonly settings: Settings
  readonly store: StoreSync | undefined
  readonly warn: Warn
}

/** The part, with what our own tests look at. */
export interface SessionPart extends Part {
  readonly appSessions: AppSessions
}

/** What koa-session keeps of browsers, where the app keeps it here. */
export function sessionPart({ report, store, warn, ...core }: Needs): SessionPart {
  const { settings } = core
  const appSessions = new AppSessions(core)
  let sessionStore: SessionStore | undefined
  return {
    appSessions,
    plugin: {
      sessionStore: (): SessionStore => {
        appSessions.begin(store)
        sessionStore ??= new KoaSessionStore(appSessions, settings)
        return sessionStore
      },
    },
    names: {
      owns: isSessionName,
      hear(name: SessionName, registers) {
        appSessions.hear(name, registers)
      },
      stands(name: SessionName, registers) {
        appSessions.news.stands(name, registers)
      },
    },
    signsIn: (ctx) => watchId({ appSessions, warn }, ctx),
    handshake: {
      isUsed: () => appSessions.isUsed,
      // The session that koa-session has found for the browser, which stays in memory for as long as the connection does.
      connect: (ctx, conn) => {
        // One that is kept in another store is none of ours, and what reading it throws would keep every socket out.
        const found = appSessions.isUsed ? appSessions.given.sessionOf(ctx) : undefined
        if (!found) return undefined
        const isOpen = conn.readyState === 'open'
        const session = isOpen ? appSessions.hold(found, conn) : found
        if (isOpen) conn.once('close', () => appSessions.release(session, conn))
        return (socket) => ({ session: new SessionHandle({ appSessions, report, settings }, session, socket) })
      },
    },
    settled: () => appSessions.settled(),
    close: () => appSessions.close(),
  }
}
