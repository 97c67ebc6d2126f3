import onHeaders from 'on-headers'
import { isMs, MS } from '../../../shared/ms.js'
import { type UserId, userSubject } from '../../kernel/names/subject.js'
import type { Core } from '../../kernel/seams/core.js'
import type { Part } from '../../kernel/seams/part.js'
import { AppSessions } from './app-sessions.js'
import { Devices, isListName, type ListName } from './devices.js'
import { isSessionName, type SessionName } from './session-content.js'
import { SessionHandle } from './session-handle.js'
import { SessionRequests } from './session-requests.js'
import { KoaSessionStore } from './session-store.js'
import type { SessionStore, SessionStoreOptions } from './types.js'

const KEPT =
  'identify() has signed a user in, and ctx.session goes on under the id that the browser came with, which may have been planted: ' +
  'expected await ctx.session.regenerate() once the user is set'

type OwnName = SessionName | ListName

/** The part, with what our own tests inspect. */
export interface SessionPart extends Part {
  readonly appSessions: AppSessions | undefined
}

/** Creates the part for koa-session's sessions, if the app keeps them here. */
export function sessionPart(core: Core): SessionPart {
  const requests = new SessionRequests()
  let appSessions: AppSessions | undefined
  let sessionStore: SessionStore | undefined
  let devices: Devices | undefined
  let lifetime: number | undefined
  const devicesFor = (call: string): Devices => {
    if (devices) return devices
    throw new TypeError(
      `koa-live-session: ${call}: expected sessions in live.sessionStore(), received none. Pass it to koa-session as its store`,
    )
  }
  return {
    get appSessions() {
      return appSessions
    },
    plugin: {
      sessionStore: ({ maxLifetime = lifetime ?? Infinity }: SessionStoreOptions = {}): SessionStore => {
        lifetime = checkLifetime(maxLifetime, lifetime)
        appSessions ??= new AppSessions(core, lifetime)
        devices ??= new Devices(core, appSessions)
        sessionStore ??= new KoaSessionStore(appSessions, requests, core.settings)
        return sessionStore
      },
      devices: async (id: UserId) => devicesFor('devices(id)').of(userSubject(id, 'devices(id)')),
      endDevice: async (id: UserId, name: string) =>
        devicesFor('endDevice(id, name)').end(userSubject(id, 'endDevice(id, name)'), name),
    },
    names: {
      owns: (name): name is OwnName => isSessionName(name) || isListName(name),
      isUsers: (name: OwnName) => isListName(name) || appSessions?.memory.find(name)?.isUsers === true,
      take: (name: OwnName, registers, source) =>
        isListName(name) ? devices?.take(name, registers) : appSessions?.memory.take(name, registers, source),
    },
    begins: (ctx, _, user) => {
      const session = appSessions && requests.brought(ctx)
      if (!session) return
      if (user) appSessions?.memory.setUsers(session)
      devices?.seen(session, user, ctx)
    },
    facts: (user) => devices?.facts(user),
    revokes: async (user, except) => devices?.endOthers(user, except && requests.brought(except)?.name),
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

/** @throws {TypeError} for what is no time, or another time than before: there is one store */
function checkLifetime(maxLifetime: unknown, former: number | undefined): number {
  const name = 'koa-live-session: sessionStore({ maxLifetime })'
  if (!isMs(maxLifetime) && maxLifetime !== Infinity)
    throw new TypeError(`${name}: expected ${MS}, or Infinity, received ${String(maxLifetime)}`)
  if (former !== undefined && maxLifetime !== former)
    throw new TypeError(
      `${name}: expected ${former} as before, received ${maxLifetime}. There is one store: set it in one place`,
    )
  return maxLifetime
}
