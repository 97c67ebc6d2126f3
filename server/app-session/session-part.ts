import type { Settings } from '../options.js'
import type { Report, Warn } from '../report.js'
import type { Part } from '../seams.js'
import type { AppSessions } from './app-sessions.js'
import { watchId } from './kept-id.js'
import { SessionHandle } from './session-handle.js'
import { isSessionName, type SessionName } from './session-name.js'

/** What it needs. */
interface Needs {
  readonly appSessions: AppSessions
  readonly settings: Settings
  readonly report: Report
  readonly warn: Warn
}

/** What koa-session keeps of browsers, where the app keeps it here. */
export function sessionPart(core: Needs): Part {
  const { appSessions } = core
  return {
    names: {
      owns: isSessionName,
      hear(name: SessionName, registers) {
        appSessions.hear(name, registers)
      },
      stands(name: SessionName, registers) {
        appSessions.stands(name, registers)
      },
    },
    signsIn: (ctx) => watchId(core, ctx),
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
        return (socket) => ({ session: new SessionHandle(core, session, socket) })
      },
    },
    settled: () => appSessions.settled(),
    close: () => appSessions.close(),
  }
}
