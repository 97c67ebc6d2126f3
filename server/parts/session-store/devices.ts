import { createHash } from 'node:crypto'
import type Koa from 'koa'
import type { JsonValue } from '../../../shared/json.js'
import type { StoredRegister } from '../../../shared/register.js'
import { Replica } from '../../../shared/replica.js'
import { nextStamp } from '../../../shared/stamp.js'
import { RotatingCache } from '../../kernel/memory/rotating-cache.js'
import { type PartName, subjectHash, type UserSubject } from '../../kernel/names/subject.js'
import type { Core } from '../../kernel/seams/core.js'
import type { Fact } from '../../kernel/seams/part.js'
import type { AppSessions } from './app-sessions.js'
import type { KnownSession } from './known-session.js'
import { BORN, isSessionName, type SessionName } from './session-content.js'
import { LATEST } from './session-memory.js'
import type { Device } from './types.js'

declare const KIND: unique symbol
/** The name of the list of a user's devices: the store and other processes use the same name. */
export type ListName = PartName & { readonly [KIND]: 'devices' }

const HOUR = 60 * 60 * 1000
/** Devices that are listed. From half as many again on, the oldest are dropped. */
const MOST = 100
const LONGEST_LABEL = 200

/** The value of a register: the session, when that began, and the label. */
type Value = readonly [session: SessionName, since: number, label: string | null]

/** A device, and the session by which a user is signed in there. */
interface Kept {
  readonly device: Device
  readonly session: SessionName
}

export function isListName(name: string): name is ListName {
  return /^devices:[\w-]{43}$/.test(name)
}

function listName(user: UserSubject): ListName {
  return `devices:${subjectHash(user)}` as ListName
}

/** Says nothing of the session's id, and is another once that is regenerated. */
function deviceName(session: SessionName): string {
  return `d${createHash('sha256').update(`device:${session}`).digest('base64url').slice(0, 22)}`
}

/**
 * Where users are signed in by a session that is kept here: one register a session, in a list of its user, written once an hour. It is the
 * session that proves a sign-in, not the live cookie: that of a user who only reads is never written.
 */
export class Devices {
  readonly #core: Core
  readonly #sessions: AppSessions
  readonly #lists: RotatingCache<Replica>

  constructor(core: Core, sessions: AppSessions) {
    const { clock, maxSubjects } = core.settings
    this.#core = core
    this.#sessions = sessions
    this.#lists = RotatingCache.onMap({ max: maxSubjects, clock })
  }

  /** Records whose request has come with a session, and when. */
  seen(session: KnownSession, user: UserSubject | undefined, ctx: Koa.Context): void {
    const hour = Math.floor(this.#core.settings.clock() / HOUR)
    const { user: former, hour: last } = session.seen ?? {}
    if (user === former && hour === last) return
    session.seen = { user, hour }
    if (former !== undefined && former !== user) this.#write(listName(former), [session.name])
    if (user === undefined) return
    const value: Value = [session.name, session.replica.stamp(BORN), this.#labelOf(ctx) ?? null]
    this.#write(listName(user), [session.name], value)
    this.#bound(listName(user))
  }

  /** Lists the sessions that still exist, last used first. */
  async of(user: UserSubject): Promise<readonly Device[]> {
    return (await this.#existing(user)).slice(0, MOST).map(({ device }) => device)
  }

  /** Says what this process knows of a user's devices. */
  facts(user: UserSubject): Fact | undefined {
    const known = keptIn(this.#lists.get(listName(user)) ?? new Replica())
    if (known.length === 0) return undefined
    return { title: 'Devices', texts: known.slice(0, MOST).map(({ device }) => device.label ?? device.name) }
  }

  /** Ends the session of that name, if it is one of the user's. */
  async end(user: UserSubject, name: string): Promise<boolean> {
    const one = (await this.#existing(user)).find(({ device }) => device.name === name)
    if (one) await this.#endAll(user, [one.session])
    return one !== undefined
  }

  /** Ends all sessions of a user but one. */
  async endOthers(user: UserSubject, except: SessionName | undefined): Promise<void> {
    const { all } = await this.#load(user)
    await this.#endAll(
      user,
      all.flatMap(({ session }) => (session === except ? [] : session)),
    )
  }

  /** Takes over what another process or the store says of a list. */
  take(name: ListName, registers: readonly StoredRegister[]): void {
    const list = this.#lists.ensure(name, () => new Replica())
    for (const register of registers) list.merge(register, 'store')
  }

  async #endAll(user: UserSubject, sessions: readonly SessionName[]): Promise<void> {
    for (const session of sessions) this.#sessions.destroy(session, undefined)
    this.#write(listName(user), sessions)
    await this.#core.store?.level(sessions)
  }

  async #existing(user: UserSubject): Promise<readonly Kept[]> {
    const { all, isAnswered } = await this.#load(user)
    const { memory, stored } = this.#sessions
    const asked = await Promise.all(
      all.map(async (kept) => {
        const isCertain = isAnswered && ((await stored?.ensure(kept.session).catch(() => false)) ?? true)
        const isThere = memory.live(kept.session) !== undefined
        return { kept, isGone: isCertain && !isThere, isOver: !isThere && memory.isGivenUp(kept.session) }
      }),
    )
    const gone = asked.flatMap(({ kept, isGone }) => (isGone ? kept.session : []))
    // Without a store, another process may have it.
    if (gone.length > 0 && stored) this.#write(listName(user), gone)
    return asked.flatMap(({ kept, isGone, isOver }) => (isGone || isOver ? [] : kept))
  }

  /** If the store does not answer in time, there may be others, and some may have ended. */
  async #load(user: UserSubject): Promise<{ readonly all: readonly Kept[]; readonly isAnswered: boolean }> {
    const { settings, store } = this.#core
    const name = listName(user)
    const rows = store ? await store.health.inTime(store.load(name).catch(() => undefined)) : []
    this.take(name, rows ?? [])
    const list = this.#lists.get(name) ?? new Replica()
    this.#forget(name, list, settings.clock() - LATEST)
    return { all: keptIn(list), isAnswered: rows !== undefined }
  }

  /** Writes to a list; without a value it deletes. */
  #write(name: ListName, sessions: readonly SessionName[], value?: Value): void {
    const { remote, settings } = this.#core
    const list = this.#lists.ensure(name, () => new Replica())
    const news = sessions.map((session): StoredRegister => {
      const key = deviceName(session)
      return { key, stamp: nextStamp(settings.clock(), list.stamp(key)), value: value && [...value] }
    })
    for (const register of news) list.merge(register, 'job')
    remote.store?.keep(name, news)
    remote.peers?.tell(name, news)
  }

  /** Keeps a list of 10,000 sign-ins small. */
  #bound(name: ListName): void {
    const list = this.#lists.get(name) ?? new Replica()
    const all = keptIn(list)
    if (all.length <= MOST * 1.5) return
    this.#forget(name, list, this.#core.settings.clock() - LATEST)
    this.#write(
      name,
      all.slice(MOST).map(({ session }) => session),
    )
  }

  /** Forgets what was deleted long ago, as sessions do. */
  #forget(name: ListName, list: Replica, before: number): void {
    const isPast = ({ stamp, value }: StoredRegister): boolean => value === undefined && stamp < before
    if (!list.registers().some(isPast)) return
    list.forget(isPast)
    this.#core.store?.prune(name, before)
  }

  #labelOf(ctx: Koa.Context): string | undefined {
    const { deviceLabel, report } = this.#core.settings
    try {
      const label: unknown = deviceLabel(ctx)
      // As UTF-8, which has no lone surrogates: half a character may be left at the end.
      return typeof label === 'string' ? Buffer.from(label.slice(0, LONGEST_LABEL)).toString() : undefined
    } catch (error) {
      report(error)
      return undefined
    }
  }
}

/** Returns what is kept in a list, last seen first. */
function keptIn(list: Replica): readonly Kept[] {
  const all = list.registers().toSorted((a, b) => b.stamp - a.stamp)
  return all.flatMap(({ key, stamp, value }) => {
    const [session, since, label]: readonly JsonValue[] = Array.isArray(value) ? value : []
    if (typeof session !== 'string' || !isSessionName(session) || typeof since !== 'number') return []
    const lastSeen = Math.floor(stamp / HOUR) * HOUR
    return { session, device: { name: key, since, lastSeen, label: typeof label === 'string' ? label : undefined } }
  })
}
