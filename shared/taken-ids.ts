import { sameJson } from './json.js'
import { type StoredRegister, supersedes, type TakenId } from './register.js'
import { isStamp, type Stamp } from './stamp.js'

/** ms for which a register knows its computed changes: what is sent again after a lost answer comes within that. */
const YOUNG = 2 * 60 * 1000
/** So many of them at the most, the newest. */
export const MAX_IDS = 200
/** In a ticket, which goes to each socket and fits a POST. */
const MAX_IN_TICKET = 50

/** In place of an id: of writes up to that stamp it is not known which they were. */
const UNKNOWN = ''
const NONE = -1

const ID = /^[\w-]{1,32}$/

/** A register as anyone may have it. */
type Known = Pick<StoredRegister, 'value'> & { readonly stamp: number; readonly ids?: Taken }
type Taken = readonly (readonly [id: string, stamp: number])[] | undefined

/** Whether it can name a computed change. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value)
}

/** The stamp that a computed change got; undefined where it was not taken, or long ago. */
export function takenAt(register: StoredRegister | undefined, id: string): Stamp | undefined {
  return register?.ids?.find(([taken]) => taken === id)?.[1]
}

/** A write at `now`, by a computed change where there is an `id`, with what is known still of those that it goes over. */
export function carrying(
  next: StoredRegister,
  over: StoredRegister | undefined,
  now: number,
  id?: string | undefined,
): StoredRegister {
  if (!id && !over?.ids) return next
  const known = over ? (over.ids ?? [[UNKNOWN, over.stamp] as const]) : []
  const ids = youngest(id ? [...known, [id, next.stamp]] : known, now)
  return ids.length === 0 ? next : { ...next, ids }
}

/** Those of the last two minutes; in place of what goes, the stamp up to which nothing is known. */
function youngest(ids: readonly TakenId[], now: number, most: number = MAX_IDS): readonly TakenId[] {
  const tooMany = ids.length > most ? ids.length - most : NONE
  const last = ids.findLastIndex(([id, stamp], at) => id === UNKNOWN || stamp <= now - YOUNG || at <= tooMany)
  const [, upTo] = ids[last] ?? []
  const young = ids.slice(last + 1)
  return upTo === undefined || young.length === 0 ? young : [[UNKNOWN, upTo], ...young]
}

/** Whether a register is newer by the merge rule, or the very same write of which more is known: cookies have no ids. */
export function isNews(next: Known, current: Known): boolean {
  if (supersedes(next, current)) return true
  if (next.ids === undefined || next.stamp !== current.stamp || !sameJson(next.value, current.value)) return false
  return idsText(next.ids) > idsText(current.ids)
}

/**
 * As stores have them that keep texts: `one:1700000000000,other:1700000000001`. What is not known comes before any id, so that the larger text
 * is the one that knows more.
 */
export function idsText(ids: Taken = []): string {
  return ids.map(([id, stamp]) => (id === UNKNOWN ? `!${stamp}` : `${id}:${stamp}`)).join()
}

/** Reads such a text; it is not checked. */
export function fromIdsText(text: string): Taken {
  if (text === '') return undefined
  return text.split(',').map((each) => {
    if (each.startsWith('!')) return [UNKNOWN, Number(each.slice(1))]
    const at = each.indexOf(':')
    return [each.slice(0, at), Number(each.slice(at + 1))]
  })
}

/** What came from elsewhere, where it is a list of ids. */
export function readIds(input: unknown): readonly TakenId[] | undefined {
  return Array.isArray(input) && input.length > 0 && input.length <= MAX_IDS && input.every(isTakenId)
    ? input
    : undefined
}

function isTakenId(item: unknown): item is TakenId {
  return Array.isArray(item) && item.length === 2 && (isId(item[0]) || item[0] === UNKNOWN) && isStamp(item[1])
}

/** By key, the ids of these registers that are young still. @param most in all; as a rule what a ticket has room for */
export function idsOf(
  registers: readonly StoredRegister[],
  now: number,
  most: number = MAX_IN_TICKET,
): { readonly ids?: Readonly<Record<string, readonly TakenId[]>> } {
  if (registers.every(({ ids }) => !ids)) return {}
  const each = Math.floor(most / registers.filter(({ ids }) => ids).length)
  const entries = registers.flatMap((register): [string, readonly TakenId[]][] => {
    const ids = youngest(register.ids ?? [], now, each)
    return ids.length === 0 ? [] : [[register.key, ids]]
  })
  return entries.length === 0 ? {} : { ids: Object.fromEntries(entries) }
}

/** Gives registers their ids back. */
export function withIds<R extends Pick<StoredRegister, 'key'>>(registers: readonly R[], ids: unknown): readonly R[] {
  const byKey = new Map<string, unknown>(Object.entries(Object(ids)))
  if (byKey.size === 0) return registers
  return registers.map((register) => {
    const read = readIds(byKey.get(register.key))
    return read === undefined ? register : { ...register, ids: read }
  })
}
