// Connects koa-session's sessions to the plugin: store, devices, sign-ins, revocations and sockets.

import type Koa from 'koa'
import { isMs, MS } from '../../../shared/checks.js'
import { after } from '../../../shared/promise.js'
import type { Feature } from '../../feature.js'
import { beforeHeaders } from '../../http/headers-sent.js'
import { renewSession } from '../../identity/identify-user.js'
import type { FeatureParts } from '../../parts.js'
import { check, checkNames } from '../../settings/option-checks.js'
import { tracked } from '../../settings/report.js'
import { type UserId, type UserSubject, userSubject } from '../../subjects/subject.js'
import { AppSessions } from './app-sessions.js'
import { Devices } from './devices.js'
import { lifetimeEnd } from './session-content.js'
import type { SessionEntry } from './session-entry.js'
import { SessionHandle } from './session-handle.js'
import { KoaSessionStore } from './session-store.js'
import { SignIns } from './sign-ins.js'
import type { SessionStoreMembers } from './types.js'

const KEPT =
  'identify() has signed a user in, and ctx.session goes on under the id that the browser came with, which may have been planted: ' +
  'expected await ctx.session.regenerate() once the user is set'

const UNREAD =
  'attach(io): expected handshake with the session middleware, because sessions are in live.sessionStore(), and socket.session is ' +
  'undefined without it. Pass attach(io, { handshake: [sessions] }), with the instance of app.use'

/** Creates the feature for `live.sessionStore()`, a store for koa-session's sessions. */
export function sessionFeature(parts: FeatureParts): Feature {
  const appSessions = new AppSessions(parts)
  const signIns = new SignIns(parts, appSessions)
  const devices = new Devices(parts, appSessions)
  const store = new KoaSessionStore(appSessions, signIns, devices, parts)
  const userOf = (id: UserId, call: string): UserSubject => {
    if (appSessions.isUsed) return userSubject(id, call)
    throw new TypeError(
      `koa-live-session: ${call}: expected sessions in live.sessionStore(), received none. Pass it to koa-session as its store`,
    )
  }
  const recordUse = (ctx: Koa.Context, session: SessionEntry | undefined, user: UserSubject | undefined): void => {
    // The session may have ended meanwhile, as by an erasure.
    if (session && appSessions.current(session)) devices.recordUse(session, user, ctx)
  }
  /**
   * Asks the store whether a revocation has spared a session that does not count for its user, and otherwise destroys the session. Returns
   * whether the session has ended.
   */
  const end = async (ctx: Koa.Context, session: SessionEntry, user: UserSubject): Promise<boolean> => {
    const isKnown = await appSessions.reload(session.name, ctx).catch(() => false)
    if (isKnown && (await signIns.admits(session, user, ctx))) return false
    renewSession(ctx)
    // Otherwise middleware of a later request would find the session before `identify` names its user.
    if (!appSessions.isClosed) appSessions.destroy(session.name, undefined, session.signedIn)
    return true
  }
  return {
    plugin: {
      sessionStore: (options = {}) => {
        checkNames(options, ['maxLifetime'], 'sessionStore: ')
        const { maxLifetime = appSessions.maxLifetime } = options
        checkLifetime(maxLifetime, appSessions)
        appSessions.enable(maxLifetime)
        devices.isUsed = true
        return store
      },
      devices: async (id, { current } = {}) =>
        devices.of(userOf(id, 'devices(id)'), current && store.sessionOf(current)?.login),
      endDevice: (id, name) =>
        tracked(() => devices.end(userOf(id, 'endDevice(id, name)'), name), parts.settings.report),
    } satisfies SessionStoreMembers,
    data: [appSessions, devices],
    begins: (ctx, _, user) => {
      const session = appSessions.isUsed ? store.arrivingSession(ctx) : undefined
      if (session && user) signIns.record(session, user)
      recordUse(ctx, session, user)
    },
    hasEnded: (ctx, user) => {
      const session = store.arrivingSession(ctx)
      if (!session) return false
      return after(signIns.admits(session, user, ctx), (isAdmitted) => !isAdmitted && end(ctx, session, user))
    },
    endsBy: (ctx) => {
      const session = store.arrivingSession(ctx)
      return session && lifetimeEnd(session.replica, appSessions.maxLifetime)
    },
    spares: async (user, ctx) => {
      const arrived = store.sessionOf(ctx)
      if (arrived) await appSessions.confirm(arrived.name, user)
      return (epoch) => {
        const session = store.sessionOf(ctx)
        if (!signIns.spare(ctx, session, user, epoch)) return undefined
        recordUse(ctx, session, user)
        return session && appSessions.storedLevel(session.name)
      }
    },
    erases: async (user) => {
      if (appSessions.isUsed) await devices.erase(user)
    },
    changesUser: (ctx, visit, user, isRevoked) => {
      // The next person may sign in under the cookie of an ended session, whose successor's cookie is still on its way.
      const hasLeft = !user || visit.visitor.user !== undefined || store.namesUsersLogin(ctx)
      if (user) signIns.begin(ctx, user, isRevoked)
      else signIns.endBegun(ctx)
      // Runs just before the headers are sent, because the app may set the user before it regenerates the session, or may sign out again.
      beforeHeaders(ctx.res, () => {
        // By now, the app has saved or destroyed the session that the user leaves.
        if (hasLeft) store.leave(ctx, (one) => !user && one !== visit.visitor.user)
        const session = store.sessionOf(ctx)
        if (session) signIns.recordBegun(ctx, session)
        recordUse(ctx, session, visit.visitor.user)
        if (!user) return
        // Warns of session fixation: an attacker who planted the received id would be signed in, too.
        const received = store.receivedSession(ctx)
        if (received && appSessions.current(received)) parts.settings.warn(KEPT)
      })
      return user ? undefined : store.renewId(ctx)
    },
    // Gives sockets the session found by koa-session in the handshake.
    connects: (ctx, link) => {
      if (appSessions.isUsed && !parts.handshake.isGiven) parts.settings.warn(UNREAD)
      const received = store.receivedSession(ctx)
      if (!received) {
        const named = store.namedBy(ctx)
        const former = named && appSessions.find(named)
        // The answer with the successor's cookie is on its way: then the browser connects again.
        if (former?.ended !== undefined) appSessions.pin(former, link)
        return undefined
      }
      const session = appSessions.pin(received, link)
      const { report } = parts.settings
      return (socket) =>
        void Object.assign(socket, { session: new SessionHandle(appSessions, report, session, link, socket) })
    },
    close: () => appSessions.close(),
  }
}

/** @throws {TypeError} for an invalid `maxLifetime`, or another than in an earlier call, because all calls share a single store */
function checkLifetime(given: unknown, { isUsed, maxLifetime: former }: AppSessions): void {
  const name = 'sessionStore({ maxLifetime })'
  const isAsBefore = !isUsed || given === former
  check(isMs(given) || given === Infinity, name, `expected ${MS}, or Infinity`, given)
  check(isAsBefore, name, `expected ${former} as before`, `${given}. There is one store: set it in one place`)
}
