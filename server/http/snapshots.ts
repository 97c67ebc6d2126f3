// Creates the snapshot of a visitor's values, for the HTML of a page.

import type Koa from 'koa'
import type { JsonValue } from '../../shared/json.js'
import type { WritableSnapshot } from '../../shared/protocol.js'
import type { LwwRegister } from '../../shared/register.js'
import { isStamp, NEVER, type Stamp } from '../../shared/stamp.js'
import { tabCookieName } from '../cookie/attributes.js'
import { stampsByKey } from '../cookie/content.js'
import type { Parts } from '../parts.js'
import { expiriesOf } from '../values/page-tickets.js'
import type { Visit } from './visit.js'

type SnapshotParts = Pick<Parts, 'cookieValues' | 'features' | 'pageTickets' | 'settings' | 'values'>

export class Snapshots {
  readonly #parts: SnapshotParts

  constructor(parts: SnapshotParts) {
    this.#parts = parts
  }

  /** Returns the readable values of a request's visitor with their stamps. Features add their members later. */
  of(ctx: Koa.Context, visit: Visit): WritableSnapshot {
    const { settings, cookieValues, features, pageTickets, values: current } = this.#parts
    const { visitor, cookie, hasCookie, who, renew } = visit
    const values: Record<string, JsonValue> = {}
    const defaults: Record<string, JsonValue> = {}
    const stamps: Record<string, Stamp> = {}
    const deleted: string[] = []
    const unsaved: string[] = []
    const registers: LwwRegister[] = []
    const now = settings.clock()
    const inCookie = stampsByKey(cookie)
    const { tabKeys: tab } = pageTickets
    const [ofTab] = features.flatMap((feature) => feature.tab?.(ctx, visit) ?? [])
    for (const field of settings.fields.values()) {
      if (field.access === 'hidden') continue
      const replica = field.isLocal ? ofTab : cookieValues.replica(field, cookie, visitor)
      const value = current.value(field, replica)
      const stored = replica?.register(field.key)
      const register = stored && field.withExpiry(stored, now)
      const stamp = register?.stamp ?? NEVER
      if (register) registers.push(register)
      if (value !== undefined) values[field.key] = value
      if (field.default !== undefined) defaults[field.key] = field.default
      if (stamp !== NEVER) stamps[field.key] = stamp
      if (stamp !== NEVER && current.unexpired(field, replica) === undefined) deleted.push(field.key)
      // A value counts as unsaved even if this response sets the cookie, because the browser may reject the cookie. Expired values do not
      // count, because pages never send them.
      if (!field.isLocal && isStamp(stamp) && stamp > (inCookie.get(field.key) ?? NEVER)) unsaved.push(field.key)
    }
    // Assigns members one by one, because in a spread TypeScript does not find a misspelt member.
    const snapshot: WritableSnapshot = { values, defaults, stamps }
    if (who !== undefined) snapshot.who = who
    // If the browser withheld its cookie, the page learns its identity in its first exchange.
    if (!visit.isWithheld && visitor.userId !== undefined) snapshot.user = visitor.userId
    if (!visit.isWithheld && visitor.userId === undefined) snapshot.guest = true
    if (hasCookie) snapshot.persisted = visit.cookieStamps
    if (renew !== undefined) snapshot.renew = renew
    if (deleted.length > 0) snapshot.deleted = deleted
    if (unsaved.length > 0) snapshot.unsaved = unsaved
    if (tab.length > 0) Object.assign(snapshot, { tab, tabCookie: tabCookieName(settings.cookie) })
    const expiries = expiriesOf(settings.fields, registers, now)
    if (expiries) snapshot.expiries = expiries
    return snapshot
  }
}
