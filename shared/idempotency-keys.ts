// Idempotency keys: registers remember the ids of updates, so that each update is accepted once.

import { sameJson } from './json.js'
import { supersedes } from './merge-rule.js'
import { MAX_AHEAD } from './protocol.js'
import type { IdempotencyKey, IdsByKey, LwwRegister } from './register.js'
import { isStamp, type Stamp } from './stamp.js'

/** ms after which the next write drops an id: a retry after a lost answer arrives sooner. */
const ID_LIFETIME = 120_000
/** Maximum ids of a key: older ids are dropped. A page's newest id replaces its older ids; each update of a handler has its own id. */
export const MAX_IDS = 20
/** Maximum ids in a ticket, which goes to each socket and must fit in a POST. */
const MAX_IN_TICKET = 50

/** The empty id of the entry that replaces dropped ids: an update up to this entry's stamp can no longer be recognized. */
const FORGOTTEN = ''

const ID = /^[\w-]{1,32}$/
/** The form of a page's id: each page numbers its changes. Without a limit, one forged id would stand for all later updates of the page. */
const NUMBERED = /^(\w+)-(\d{1,8})$/

/** A register whose stamps may be plain numbers. */
type Known = Pick<LwwRegister, 'value'> & { readonly stamp: number; readonly ids?: WireIds }
type WireIds = readonly (readonly [id: string, stamp: number])[] | undefined

/** Returns whether a value has the form of an id. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value)
}

/** Returns whether a page may give an update this id. Other programs may choose any id, except one with another form of number: `a-1e3`. */
export function isPageId(value: unknown): value is string {
  if (!isId(value)) return false
  const [, number = 'none'] = /^\w*-(\w*)$/.exec(value) ?? []
  return NUMBERED.test(value) || Number.isNaN(Number(number))
}

/**
 * Returns whether the id `accepted` shows that the change `id` was accepted: `accepted` is the same id, or a later id of the same page.
 * A page numbers its changes, `<page>-<number>`, and sends each change of a key after the outcome of the previous change.
 */
export function impliesKey(accepted: string, id: string): boolean {
  const [page, number, more] = id.split('-')
  const [other, newest] = accepted.split('-')
  return (
    accepted === id ||
    (page === other && !more && Number(newest) >= Number(number) && Number(newest) - Number(number) <= MAX_AHEAD)
  )
}

/** Returns whether an id is so far ahead of its page's recent ids that no page of ours has made it. */
export function isFarAhead(register: LwwRegister | undefined, id: string, now: number): boolean {
  const [page, number] = id.split('-')
  return !!register?.ids?.some(([known, stamp]) => {
    const [other, newest] = known.split('-')
    return stamp > now - ID_LIFETIME && page === other && Number(number) - Number(newest) > MAX_AHEAD
  })
}

/**
 * Returns the stamp of an accepted update. If the same page has made a later update since, returns the stamp just before the later update,
 * so that the page does not give the earlier value the later stamp. Returns undefined for a `set`, and for an id never accepted or dropped.
 */
export function acceptedAt(register: LwwRegister | undefined, id: string): Stamp | undefined {
  const [accepted, stamp] = register?.ids?.find(([one]) => one !== FORGOTTEN && impliesKey(one, id)) ?? []
  return stamp === undefined || accepted === id ? stamp : ((stamp - 1) as Stamp)
}

/** Returns the write `next` with the recent ids of the overwritten register and, for an update, with the update's `id`. */
export function withRecentIds(
  next: LwwRegister,
  overwritten: LwwRegister | undefined,
  now: number,
  id?: string,
): LwwRegister {
  if (!id && !overwritten?.ids) return next
  const known = overwritten ? (overwritten.ids ?? [[FORGOTTEN, overwritten.stamp] as const]) : []
  const ids = youngest(id ? [...known.filter(([accepted]) => !impliesKey(id, accepted)), [id, next.stamp]] : known, now)
  return ids.length === 0 ? next : { ...next, ids }
}

/** Returns the newest ids of the last two minutes, at most `most`. The forgotten watermark replaces the dropped ids. */
function youngest(ids: readonly IdempotencyKey[], now: number, most: number = MAX_IDS): readonly IdempotencyKey[] {
  const tooMany = ids.length > most ? ids.length - most : -1
  const last = ids.findLastIndex(([id, stamp], at) => id === FORGOTTEN || stamp <= now - ID_LIFETIME || at <= tooMany)
  const [, upTo] = ids[last] ?? []
  const young = ids.slice(last + 1)
  return upTo === undefined || young.length === 0 ? young : [[FORGOTTEN, upTo], ...young]
}

/** Returns whether a register is newer by the merge rule, or is the same write with more ids: a cookie brings a write without its ids. */
export function isNews(next: Known, current: Known): boolean {
  if (supersedes(next, current)) return true
  if (next.ids === undefined || next.stamp !== current.stamp || !sameJson(next.value, current.value)) return false
  return idsText(next.ids) > idsText(current.ids)
}

/**
 * Formats ids for stores: `first:1700000000000,other:1700000000001`. The forgotten watermark sorts before all ids, and a later watermark
 * before an earlier one. So of two texts for the same write, the larger text has more ids.
 */
export function idsText(ids: WireIds = []): string {
  return ids
    .map(([id, stamp]) => (id === FORGOTTEN ? `!${String(complement(stamp)).padStart(16, '0')}` : `${id}:${stamp}`))
    .join()
}

/** Parses the text of `idsText` without validation. */
export function fromIdsText(text: string): WireIds {
  if (text === '') return undefined
  return text.split(',').map((each) => {
    if (each.startsWith('!')) return [FORGOTTEN, complement(Number(each.slice(1)))]
    const at = each.indexOf(':')
    return [each.slice(0, at), Number(each.slice(at + 1))]
  })
}

/** Maps larger stamps to smaller numbers. The function is its own inverse. */
function complement(stamp: number): number {
  return Number.MAX_SAFE_INTEGER - stamp
}

/** Returns an untrusted input if it is a list of at most `MAX_IDS` ids, each with a stamp; otherwise undefined. */
export function readIds(input: unknown): readonly IdempotencyKey[] | undefined {
  return Array.isArray(input) && input.length > 0 && input.length <= MAX_IDS && input.every(isAcceptedId)
    ? input
    : undefined
}

function isAcceptedId(item: unknown): item is IdempotencyKey {
  return Array.isArray(item) && item.length === 2 && (isId(item[0]) || item[0] === FORGOTTEN) && isStamp(item[1])
}

/** Returns, by key, the recent ids of these registers. @param most maximum ids in total; by default that of a ticket */
export function idsOf(
  registers: readonly LwwRegister[],
  now: number,
  most: number = MAX_IN_TICKET,
): IdsByKey | undefined {
  if (registers.every(({ ids }) => !ids)) return undefined
  const each = Math.floor(most / registers.filter(({ ids }) => ids).length)
  const entries = registers.flatMap((register): [string, readonly IdempotencyKey[]][] => {
    const ids = youngest(register.ids ?? [], now, each)
    return ids.length === 0 ? [] : [[register.key, ids]]
  })
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

/** Adds ids from a ticket or another process to these registers. */
export function withIds<R extends Pick<LwwRegister, 'key'>>(registers: readonly R[], ids: unknown): readonly R[] {
  const byKey = new Map<string, unknown>(Object.entries(Object(ids)))
  if (byKey.size === 0) return registers
  return registers.map((register) => {
    const read = readIds(byKey.get(register.key))
    return read === undefined ? register : { ...register, ids: read }
  })
}
