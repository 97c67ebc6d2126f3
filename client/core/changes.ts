import type { LiveSessionErrorCode } from '../../shared/errors.js'
import type { JsonValue } from '../../shared/json.js'
import { FIRST_SENDING, type TicketClaims, type WireChange } from '../../shared/protocol.js'
import { supersedes } from '../../shared/register.js'
import { NEVER, type Stamp } from '../../shared/stamp.js'
import type { Refusal } from './messages.js'
import type { Call, Field, State, Want } from './state.js'
import { patch, same, type Turn } from './turn.js'
import { alone, fieldOf, isComputed, isDraft, shown, unsent } from './view.js'

const NOTHING: Want = { value: undefined, calls: [], seen: FIRST_SENDING }

/** Of a change of this page whose caller waits no more, or was on another page. */
export const NO_CALLER = 0

/** Takes over what is newer. */
export function merge(turn: Turn, key: string, stamp: Stamp, value: JsonValue | undefined): void {
  const { at, value: current } = fieldOf(turn, key)
  if (supersedes({ stamp, value }, { stamp: at, value: current }))
    patch(turn, key, { at: stamp, value: same(turn, key, value) })
}

export function setDefaults(turn: Turn, defaults: Readonly<Record<string, JsonValue>> = {}): void {
  for (const key in defaults) patch(turn, key, { fallback: same(turn, key, defaults[key]) })
}

/** The page's caller sets a value, or deletes it. */
export function set(
  turn: Turn,
  key: string,
  value: JsonValue | undefined,
  id: number,
  seen: number = FIRST_SENDING,
): void {
  want(turn, key, value, { id }, seen)
}

/** A value is wanted that a call says, or has computed from what is shown. */
export function want(
  turn: Turn,
  key: string,
  input: JsonValue | undefined,
  call: Call,
  seen: number = FIRST_SENDING,
): void {
  const field = fieldOf(turn, key)
  // One that was never sent is replaced: to its caller it is as good as the one after it.
  const replaced = unsent(field)
  const wants = isDraft(field) ? field.wants.filter((one) => one !== replaced) : []
  const former = call.next || isDraft(field) ? (replaced?.calls ?? []) : []
  const calls = [...(call.next ? former : alone(former)), call]
  const from = former.length > 0 ? replaced?.from : shown(turn, key)
  patch(turn, key, {
    wants: [...wants, { value: same(turn, key, input), calls, seen, from }],
    code: undefined,
    refused: undefined,
  })
}

/** Changes that may go out now. */
export function drafts({ fields }: State): readonly string[] {
  return [...fields].flatMap(([key, field]) => (isDraft(field) && field.over === undefined ? key : []))
}

/**
 * A change as it goes out: under way until it is acknowledged, refused or lost. One that `mayBeLate` may arrive after it was given up, and
 * sent again: even the first time it goes over that alone which the page knows.
 */
export function dispatch(turn: Turn, key: string, mayBeLate: boolean): WireChange {
  const { at, wants } = fieldOf(turn, key)
  patch(turn, key, { over: at })
  const [{ value, seen, calls } = NOTHING] = wants
  const [call] = calls
  const isFirst = seen === FIRST_SENDING
  if (!call?.next || !isComputed(calls) || value === undefined)
    return wire(key, isFirst && mayBeLate ? at : seen, value)
  return isFirst ? [key, at, value, call.id] : [key, seen, value, -call.id]
}

function wire(key: string, seen: number, value?: JsonValue): WireChange {
  return value === undefined ? [key, seen] : [key, seen, value]
}

/** The stamp that the newest that is wanted was set over. Where the page ends, whether it arrives is not known to the next. */
export function seenOf({ at, over = at, wants }: Field): number {
  const { seen = FIRST_SENDING } = wants.at(-1) ?? {}
  if (seen !== FIRST_SENDING) return seen
  return wants.length > 1 ? at : over
}

/** All that is wanted, as it goes out when the page is left. */
export function parting({ fields }: State): readonly WireChange[] {
  // Over the one before it, which may have arrived, it goes in any case.
  return [...fields]
    .filter(([, field]) => isDraft(field))
    .map(([key, field]) => {
      const [former, last = former] = field.wants
      return wire(key, former === last || last?.seen !== FIRST_SENDING ? seenOf(field) : FIRST_SENDING, last?.value)
    })
}

/** It has gone out as the page was left: whether it has arrived the page does not hear, if it comes back. One that went over another goes so again. */
export function part(turn: Turn, key: string): void {
  const field = fieldOf(turn, key)
  const [want, ...later] = field.wants
  if (want && later.length === 0) patch(turn, key, { wants: [{ ...want, seen: seenOf(field) }] })
}

/** It is to be sent again. Where it `isLost` the server may have applied it. */
export function release(turn: Turn, key: string, isLost: boolean): void {
  const { over, wants } = fieldOf(turn, key)
  if (over === undefined) return
  const again = (want: Want, at: number): Want =>
    at === 0 && isLost && want.seen === FIRST_SENDING ? { ...want, seen: over } : want
  patch(turn, key, { over: undefined, wants: wants.map(again) })
}

export function acknowledge(turn: Turn, key: string, stamp: Stamp): void {
  const { over, wants, at, stamp: former, is, waits } = fieldOf(turn, key)
  const [first, ...rest] = wants
  if (over === undefined || !first) return
  // A ticket of that stamp knows better: the schema may have made something else of the value.
  if (at < stamp) merge(turn, key, stamp, first.value)
  const all = [...waits, ...first.calls.map((call) => ({ ...call, stamp }))]
  patch(turn, key, { over: undefined, wants: rest, waits: all })
  if (former < stamp) patch(turn, key, { is: 'held', stamp, ticket: '', answers: 0 })
  // The cookie's proof may have come before.
  else if (is === 'saved') hold(turn, key, former)
  // So may what it was given up for: the next answers tell why.
  else if (is === 'lost') patch(turn, key, { is: 'held', answers: 0 })
}

/** The first that is wanted was refused. */
export function refuse(turn: Turn, key: string, refusal: Refusal): void {
  const { code, stamp = NEVER, value } = refusal
  merge(turn, key, stamp, value)
  const field = fieldOf(turn, key)
  const { over = stamp, wants } = field
  const [first, ...rest] = wants
  if (!first || !isDraft(field)) return
  const isFirst = first.seen === FIRST_SENDING
  const computes = isComputed(first.calls)
  // The page has not known what it would have gone over: it goes once more, over that; what is computed, as often as it takes.
  const isAnew = stamp > (isFirst ? over : first.seen) && (isFirst || code === 'conflict')
  if (isAnew) {
    patch(turn, key, { over: undefined, wants: [{ ...first, seen: computes ? FIRST_SENDING : stamp }, ...rest] })
    return
  }
  settle(turn, key, first.calls, refusal)
  // What was set after it stands in its place; what was computed after it does not.
  const isReplaced = rest.some(({ calls }) => !isComputed(calls))
  patch(turn, key, { over: undefined, wants: rest, refused: isReplaced ? undefined : code })
}

export function settle(turn: Turn, key: string, calls: readonly Call[], refusal?: Refusal): void {
  const ids = calls.map(({ id }) => id)
  if (ids.length > 0) turn.effects.push(['settle', ids, key, refusal])
}

/** Takes over what a ticket says, and keeps it for as long as it is the newest of a key. */
export function keep(turn: Turn, ticket: string, { changes }: Pick<TicketClaims, 'changes'>): void {
  for (const [key, stamp, value] of changes) {
    const field = fieldOf(turn, key)
    merge(turn, key, stamp, value)
    const isKnown = field.is === 'saved' || field.ticket === ticket
    if (stamp > field.stamp || (stamp === field.stamp && !isKnown))
      patch(turn, key, { is: 'held', stamp, ticket, answers: 0, ...ended(field) })
  }
}

/** Why a change was refused is of the past; what is to be sent is not. */
function ended(field: Field): Partial<Field> {
  return isDraft(field) ? {} : { wants: [], code: undefined }
}

/** The cookie was seen with this stamp. */
export function hold(turn: Turn, key: string, stamp: Stamp): void {
  const field = fieldOf(turn, key)
  const isSaved = (wait: { readonly stamp: Stamp }): boolean => wait.stamp <= stamp
  settle(turn, key, field.waits.filter(isSaved))
  patch(turn, key, { waits: field.waits.filter((wait) => !isSaved(wait)) })
  // Why a later change was refused stands.
  if (isSaved(field)) patch(turn, key, { is: 'saved', stamp, ...(field.is === 'lost' && ended(field)) })
}

/** Nothing will save what the server knows of this key. */
export function giveUp(turn: Turn, key: string, refusal: Refusal): void {
  const field = fieldOf(turn, key)
  settle(turn, key, field.waits, refusal)
  patch(turn, key, { is: 'lost', waits: [], code: isDraft(field) ? undefined : refusal.code })
}

/** In a browser that keeps no cookie nothing is ever saved: what was set stays shown, and the caller is told. */
export function block(turn: Turn): void {
  if (turn.page.is !== 'memory') return
  const code: LiveSessionErrorCode = 'cookies_blocked'
  const { link, timers } = turn
  const canBeSent = link === 'ours' || (link === 'up' && timers.has('greet'))
  for (const [key, field] of turn.fields) {
    // A draft goes to the server where it can: handlers of this connection read it.
    const isBlocked = isDraft(field) ? !canBeSent : field.is === 'held'
    if (!isBlocked) continue
    const own = ownOf(field)
    const calls = unsent(field)?.calls ?? []
    // What it may have computed from before, it does not from its own value once more.
    const isKept = calls.length > 0 && isComputed(own)
    settle(turn, key, own, { code })
    patch(turn, key, { is: 'none', waits: [], wants: anew(field, isKept ? calls : [{ id: NO_CALLER }]), code })
  }
}

/** What callers of this page have set, and which was not seen in the cookie. */
export function ownOf({ waits, wants }: Field): readonly Call[] {
  return [...waits, ...wants.flatMap(({ calls }) => calls)]
}

/** The same, as it would be made anew: what is shown. Where it may have arrived before, it goes over nothing that came later. */
export function anew({ wants, waits, value, at }: Field, calls: readonly Call[]): readonly Want[] {
  const last = wants.at(-1) ?? { value, seen: at }
  // What came later from elsewhere is not the page's own to make anew, but for what was computed.
  const isOwn = wants.length > 0 || isComputed(calls) || waits.some(({ stamp }) => stamp === at)
  return isOwn && calls.length > 0 ? [{ value: last.value, calls, seen: last.seen }] : []
}

/** Tries again what was given up. */
export function retry(turn: Turn): void {
  for (const [key, { is, wants, code }] of turn.fields) {
    if (code && wants.length > 0) patch(turn, key, { code: undefined })
    else if (is === 'lost') patch(turn, key, { is: 'held', answers: 0, code: undefined })
  }
}

/** The tickets of the page whose changes were not seen in the cookie. */
export function tickets({ fields }: State): readonly string[] {
  return ticketsOf([...fields.values()].filter(({ is }) => is === 'held'))
}

/** The tickets of what was saved, of which a greeting knows less. */
export function savedBeyond({ fields }: State, { changes }: Pick<TicketClaims, 'changes'>): readonly string[] {
  const known = new Map(changes.map(([key, stamp]) => [key, stamp]))
  const lacking = [...fields].filter(([key, { is, stamp }]) => is === 'saved' && stamp > (known.get(key) ?? NEVER))
  return ticketsOf(lacking.map(([, field]) => field))
}

/** Each once. */
function ticketsOf(fields: readonly Field[]): readonly string[] {
  return [...new Set(fields.flatMap(({ ticket }) => ticket || []))]
}
