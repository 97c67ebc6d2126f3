// Records, lists and ends the logins of a user, called devices.

import { createHash } from 'node:crypto'
import type Koa from 'koa'
import type { JsonValue } from '../../../shared/json.js'
import { refusePromise } from '../../../shared/promise.js'
import { inBatches } from '../../store/batches.js'
import { FeatureData, type FeatureDataParts } from '../../store/feature-data.js'
import { FeatureEntry, type InspectorSection } from '../../store/feature-entry.js'
import type { FeatureKey } from '../../subjects/store-key.js'
import { type BrowserSubject, isBrowser, subjectHash, type UserSubject } from '../../subjects/subject.js'
import type { AppSessions } from './app-sessions.js'
import { GRACE, maxAgeOf, type SessionName } from './session-content.js'
import type { SessionEntry } from './session-entry.js'
import type { Device } from './types.js'

declare const KIND: unique symbol
/** The name of a user's list of devices: its key in the store. */
export type ListName = FeatureKey & { readonly [KIND]: 'devices' }

const LIST = 'devices:'
const HOUR = 60 * 60 * 1000
/** Maximum logins of a user. */
const MOST = 100
/** The maximum share of `cache.maxVisitors` for one user's logins, so that other users' logins stay in memory. */
const SHARE = 1 / 20
const LONGEST_LABEL = 200

/**
 * The value of a register: the last session of the login, the time of the sign-in, the label, the login, the session's `maxAge`, and the
 * user's epoch at the sign-in, if known.
 */
type Value = readonly [
  session: SessionName,
  since: number,
  label: string | null,
  login: BrowserSubject,
  maxAge: number | 'session',
  epoch: number | null,
]

interface ListedDevice {
  readonly device: Omit<Device, 'current'>
  readonly session: SessionName
  readonly login: BrowserSubject
  /** The user's epoch at the sign-in; undefined if unknown. */
  readonly epoch: number | undefined
  /** The last use, as far as the list or this process knows, in ms since 1970; 0 if the session may have expired since. */
  readonly lastUse: number
}

function listName(user: UserSubject): ListName {
  return `${LIST}${subjectHash(user)}` as ListName
}

/** Returns the beginning of an hour, in ms since 1970. */
function hourOf(at: number = 0): number {
  return Math.floor(at / HOUR) * HOUR
}

/** Derives a device's public name from its login. */
function deviceName(login: BrowserSubject): string {
  return `d${createHash('sha256').update(`device:${login}`).digest('base64url').slice(0, 22)}`
}

/**
 * Lists each user's logins. A list has a register per login, written at most once an hour and for each new session of the login. Tracks app
 * sessions instead of live cookies, because a user without writes has no live cookie.
 */
export class Devices extends FeatureData<FeatureEntry<ListName>> {
  readonly #sessions: AppSessions

  constructor(parts: FeatureDataParts, sessions: AppSessions) {
    super(parts, LIST, (name, now) => new FeatureEntry(name, now))
    this.#sessions = sessions
  }

  /** Records the user and the hour of a request with a session. */
  recordUse(session: SessionEntry, user: UserSubject | undefined, ctx: Koa.Context): void {
    const at = this.parts.settings.clock()
    const { lastUse: last, login } = session
    const maxAge = maxAgeOf(session.replica)
    const isSame = user === last?.user && login === last?.login
    session.lastUse = { user, login, at, maxAge }
    if (isSame && hourOf(at) === hourOf(last?.at) && maxAge === last?.maxAge) return
    if (!isSame && last?.user !== undefined) this.#remove(last.user, [last.login])
    if (user === undefined) return
    const { since = hourOf(at), epoch = null } = session.signIns.find((signIn) => signIn.user === user) ?? {}
    const value: Value = [session.name, since, this.#labelOf(ctx) ?? null, login, maxAge, epoch]
    const list = this.ensure(listName(user))
    const isKnown = list.replica.value(deviceName(login)) !== undefined
    this.write(list, new Map([[deviceName(login), value]]), 'job')
    if (!isKnown) this.#limit(user, login).catch(this.parts.settings.report)
  }

  /** If a user's new login exceeds the limit, ends the logins unused for longest: a user may sign in thousands of times. */
  async #limit(user: UserSubject, login: BrowserSubject): Promise<void> {
    // Other processes may have listed more logins.
    const { all } = await this.#loaded(user)
    if (this.#sessions.isClosed) return
    const others = all.filter((listed) => listed.login !== login)
    const over = others.filter((listed) => this.#isOver(user, listed)).map((listed) => listed.login)
    if (over.length > 0) this.#remove(user, over)
    const going = others.filter((listed) => !over.includes(listed.login))
    const most = Math.max(1, Math.min(MOST, this.parts.settings.maxVisitors * SHARE))
    const byUse = going.toSorted((one, other) => other.lastUse - one.lastUse)
    if (going.length >= most) this.#endAll(user, byUse.slice(most - 1))
  }

  /** Lists existing logins, last used first (by the first use of each hour), and marks the login `current`. */
  async of(user: UserSubject, current: BrowserSubject | undefined): Promise<readonly Device[]> {
    const listed = await this.#existing(user)
    return listed.map(({ device, login }) => ({ ...device, current: login === current }))
  }

  override sectionOf(user: UserSubject): InspectorSection | undefined {
    const known = this.#devicesIn(this.find(listName(user)))
    if (known.length === 0) return undefined
    return { title: 'Devices', texts: known.slice(0, MOST).map(({ device }) => device.label ?? device.name) }
  }

  /** Ends the login of a user's device. Returns whether the user had the device. */
  async end(user: UserSubject, name: string): Promise<boolean> {
    const one = (await this.#existing(user)).find(({ device }) => device.name === name)
    if (!one) return false
    this.#endAll(user, [one])
    await this.parts.store?.storedLevel([one.session, one.login])
    return true
  }

  /** Ends the listed logins of a user, and deletes the list. */
  async erase(user: UserSubject): Promise<void> {
    const { all } = await this.#loaded(user)
    const ended = all.flatMap(({ session, login }) => [session, login])
    this.#endAll(user, all)
    const list = this.ensure(listName(user))
    this.drop(list)
    this.parts.store?.clear(list.name, [])
    await this.parts.store?.storedLevel([...ended, list.name])
  }

  #endAll(user: UserSubject, listed: readonly ListedDevice[]): void {
    for (const { session, login } of listed) {
      this.parts.ends.retireEmpty(login, true)
      // Deletes the session's values, and closes its sockets at once.
      if (!this.#sessions.isRetired(session))
        this.#sessions.destroy(session, undefined, { handedOn: undefined, isUsersLogin: true })
    }
    const logins = listed.map(({ login }) => login)
    this.#remove(user, logins)
  }

  /**
   * Returns the devices, at most 100, whose login may still have a session. With a store, also removes the devices whose login is certainly
   * over from the list.
   */
  async #existing(user: UserSubject): Promise<readonly ListedDevice[]> {
    const { all, isAnswered } = await this.#loaded(user)
    const asked = await inBatches(all.slice(0, MOST), async (listed) => {
      const isCertain = isAnswered && (await this.#sessions.reload(listed.session).catch(() => false))
      const isOver = this.#isOver(user, listed)
      const isThere = !isOver && this.#sessions.mayGoOn(listed.session)
      return { listed, isGone: isCertain && !isThere, isOver }
    })
    const gone = asked.flatMap(({ listed, isGone }) => (isGone ? listed.login : []))
    // Without a store, another process may have the session.
    if (gone.length > 0 && this.parts.store) this.#remove(user, gone)
    return asked.flatMap(({ listed, isGone, isOver }) => (isGone || isOver ? [] : listed))
  }

  /** Returns whether a login has ended, or the user was revoked since. */
  #isOver(user: UserSubject, { login, epoch }: ListedDevice): boolean {
    const { ends } = this.parts
    return ends.isRetired(login) || (epoch !== undefined && !ends.accepts(subjectHash(user), epoch))
  }

  /** Loads the list. If the store does not answer before the deadline, the list may be incomplete or stale. */
  async #loaded(user: UserSubject): Promise<{ readonly all: readonly ListedDevice[]; readonly isAnswered: boolean }> {
    const isAnswered = await this.loadInTime(listName(user))
    const list = this.ensure(listName(user))
    this.prune(list, 1)
    return { all: this.#devicesIn(list), isAnswered }
  }

  #remove(user: UserSubject, logins: readonly BrowserSubject[]): void {
    this.write(this.ensure(listName(user)), new Map(logins.map((login) => [deviceName(login), undefined])), 'job')
  }

  #labelOf(ctx: Koa.Context): string | undefined {
    const { deviceLabel, report } = this.parts.settings
    try {
      const label: unknown = deviceLabel(ctx)
      refusePromise(label, 'deviceLabel', 'It must answer at once.')
      // Encodes as UTF-8, which replaces half a surrogate pair that `slice` may leave at the end.
      return typeof label === 'string' ? Buffer.from(label.slice(0, LONGEST_LABEL)).toString() : undefined
    } catch (error) {
      report(error)
      return undefined
    }
  }

  /** Returns the valid devices in a list, last seen first. */
  #devicesIn(list: FeatureEntry<ListName> | undefined): readonly ListedDevice[] {
    const all = (list?.replica.registers() ?? []).toSorted((a, b) => b.stamp - a.stamp)
    return all.flatMap(({ key, stamp, value }) => {
      const [session, since, given, login, maxAge, began]: readonly JsonValue[] = Array.isArray(value) ? value : []
      if (typeof session !== 'string' || !this.#sessions.handles(session) || typeof since !== 'number') return []
      if (!isBrowser(login)) return []
      const label = typeof given === 'string' ? given : undefined
      const epoch = typeof began === 'number' ? began : undefined
      const device = { name: key, since, lastSeen: hourOf(stamp), label }
      const at = Math.max(stamp, this.#sessions.find(session)?.lastUse?.at ?? 0)
      // The list is written once an hour, and a session may have been renewed since.
      const isExpired = typeof maxAge === 'number' && at + HOUR + maxAge + GRACE <= this.parts.settings.clock()
      return { device, session, login, epoch, lastUse: isExpired ? 0 : at }
    })
  }
}
