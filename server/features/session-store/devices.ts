// Records, lists and ends the signed-in sessions of a user, called devices.

import { createHash } from 'node:crypto'
import type Koa from 'koa'
import type { JsonValue } from '../../../shared/json.js'
import { FeatureData, type FeatureDataParts } from '../../store/feature-data.js'
import { FeatureEntry, type InspectorSection } from '../../store/feature-entry.js'
import { inBatches } from '../../store/write-queue.js'
import type { FeatureKey } from '../../subjects/store-key.js'
import { subjectHash, type UserSubject } from '../../subjects/subject.js'
import type { AppSessions } from './app-sessions.js'
import { CREATION_KEY, type SessionName } from './session-content.js'
import type { SessionEntry } from './session-entry.js'
import type { Device } from './types.js'

declare const KIND: unique symbol
/** The name of a user's list of devices: its key in the store. */
export type ListName = FeatureKey & { readonly [KIND]: 'devices' }

const LIST = 'devices:'
const HOUR = 60 * 60 * 1000
/** Maximum sessions of a user. */
const MOST = 100
/** A user's sessions are at most this share of `cache.maxVisitors`, so that others' stay. */
const SHARE = 1 / 20
const LONGEST_LABEL = 200

/** The value of a register: the session, its start time, and the label. */
type Value = readonly [session: SessionName, since: number, label: string | null]

interface ListedDevice {
  readonly device: Omit<Device, 'current'>
  readonly session: SessionName
}

function listName(user: UserSubject): ListName {
  return `${LIST}${subjectHash(user)}` as ListName
}

/**
 * Derives a device's public name from the session's name. The public name does not reveal the session's id, and changes when the id is
 * regenerated.
 */
function deviceName(session: SessionName): string {
  return `d${createHash('sha256').update(`device:${session}`).digest('base64url').slice(0, 22)}`
}

/**
 * Lists each user's signed-in sessions. A list has a register per session, written at most once an hour. Tracks app sessions instead of
 * live cookies, because a user without writes has no live cookie.
 */
export class Devices extends FeatureData<FeatureEntry<ListName>> {
  readonly #sessions: AppSessions

  constructor(parts: FeatureDataParts, sessions: AppSessions) {
    super(parts, LIST, (name, now) => new FeatureEntry(name, now))
    this.#sessions = sessions
  }

  /** Records the user and the hour of a request with a session. */
  recordUse(session: SessionEntry, user: UserSubject | undefined, ctx: Koa.Context): void {
    const hour = Math.floor(this.parts.settings.clock() / HOUR)
    const { user: former, hour: last } = session.lastUse ?? {}
    if (user === former && hour === last) return
    session.lastUse = { user, hour }
    if (former !== undefined && former !== user) this.#remove(former, [session.name])
    if (user === undefined) return
    const value: Value = [session.name, session.replica.stamp(CREATION_KEY), this.#labelOf(ctx) ?? null]
    const list = this.ensure(listName(user))
    this.write(list, new Map([[deviceName(session.name), value]]), 'job')
    // A user may sign in thousands of times: ends the sessions unused for longest.
    const others = this.#devicesIn(list).filter((listed) => listed.session !== session.name)
    const most = Math.max(1, Math.min(MOST, this.parts.settings.maxVisitors * SHARE))
    const ended = others.slice(most - 1).map((listed) => listed.session)
    if (ended.length > 0) this.#endAll(user, ended)
  }

  /** Lists existing sessions, last used first, and marks the session `current`. */
  async of(user: UserSubject, current: SessionName | undefined): Promise<readonly Device[]> {
    const listed = await this.#existing(user)
    return listed.map(({ device, session }) => ({ ...device, current: session === current }))
  }

  override sectionOf(user: UserSubject): InspectorSection | undefined {
    const known = this.#devicesIn(this.find(listName(user)))
    if (known.length === 0) return undefined
    return { title: 'Devices', texts: known.slice(0, MOST).map(({ device }) => device.label ?? device.name) }
  }

  /** Ends the session of a user's device. Returns whether the user had the device. */
  async end(user: UserSubject, name: string): Promise<boolean> {
    const one = (await this.#existing(user)).find(({ device }) => device.name === name)
    if (!one) return false
    this.#endAll(user, [one.session])
    await this.parts.store?.storedLevel([one.session])
    return true
  }

  /** Ends the listed sessions of a user, and deletes the list. */
  async erase(user: UserSubject): Promise<void> {
    const { all } = await this.#loaded(user)
    const sessions = all.map(({ session }) => session)
    this.#endAll(user, sessions)
    const list = this.ensure(listName(user))
    this.drop(list)
    this.parts.store?.erase(list.name, [])
    await this.parts.store?.storedLevel([...sessions, list.name])
  }

  #endAll(user: UserSubject, sessions: readonly SessionName[]): void {
    for (const session of sessions) this.#sessions.destroy(session, undefined)
    this.#remove(user, sessions)
  }

  /**
   * Returns the devices, at most 100, whose session may still exist. With a store, also removes the devices whose session is certainly gone
   * from the list.
   */
  async #existing(user: UserSubject): Promise<readonly ListedDevice[]> {
    const { all, isAnswered } = await this.#loaded(user)
    const asked = await inBatches(all.slice(0, MOST), async (listed) => {
      const isCertain = isAnswered && (await this.#sessions.reload(listed.session).catch(() => false))
      const isThere = this.#sessions.live(listed.session) !== undefined
      return { listed, isGone: isCertain && !isThere, isOver: !isThere && this.#sessions.isRetired(listed.session) }
    })
    const gone = asked.flatMap(({ listed, isGone }) => (isGone ? listed.session : []))
    // Without a store, another process may have the session.
    if (gone.length > 0 && this.parts.store) this.#remove(user, gone)
    return asked.flatMap(({ listed, isGone, isOver }) => (isGone || isOver ? [] : listed))
  }

  /** Loads the list. If the store does not answer before the deadline, the list may be incomplete or stale. */
  async #loaded(user: UserSubject): Promise<{ readonly all: readonly ListedDevice[]; readonly isAnswered: boolean }> {
    const isAnswered = await this.loadInTime(listName(user))
    const list = this.ensure(listName(user))
    this.prune(list, 1)
    return { all: this.#devicesIn(list), isAnswered }
  }

  #remove(user: UserSubject, sessions: readonly SessionName[]): void {
    this.write(this.ensure(listName(user)), new Map(sessions.map((session) => [deviceName(session), undefined])), 'job')
  }

  #labelOf(ctx: Koa.Context): string | undefined {
    const { deviceLabel, report } = this.parts.settings
    try {
      const label: unknown = deviceLabel(ctx)
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
      const [session, since, label]: readonly JsonValue[] = Array.isArray(value) ? value : []
      if (typeof session !== 'string' || !this.#sessions.handles(session) || typeof since !== 'number') return []
      const lastSeen = Math.floor(stamp / HOUR) * HOUR
      return { session, device: { name: key, since, lastSeen, label: typeof label === 'string' ? label : undefined } }
    })
  }
}
