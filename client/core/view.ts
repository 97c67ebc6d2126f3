import type { LiveSessionErrorCode } from '../../shared/errors.js'
import type { JsonValue } from '../../shared/json.js'
import { FIRST_SENDING } from '../../shared/protocol.js'
import { NEVER } from '../../shared/stamp.js'
import type { Call, Field, Identity, State, Want } from './state.js'

/**
 * How far a key's newest change has got. `'default'`: never set, nothing to save. `'saving'`: shown, and on its way. `'saved'`: the cookie was
 * seen coming back with it. `'offline'`: shown, kept, and sent when the endpoint can be reached again. `'rejected'`: refused, for the `reason`
 * that is given, and rolled back, until this page sets the key again; with `cookies_blocked` or `store_unavailable` it stays shown, but nowhere else.
 */
export type Status = 'default' | 'saved' | 'saving' | 'offline' | 'rejected'

/** A status, and why. The same object for the same status, so that `===` compares. */
export interface StatusDetail {
  /** How far the newest change has got. */
  readonly status: Status
  /** Why it was rejected; of no other status. */
  readonly reason?: LiveSessionErrorCode
}

const UNKNOWN: Field = {
  fallback: undefined,
  value: undefined,
  at: NEVER,
  is: 'none',
  stamp: NEVER,
  ticket: '',
  answers: 0,
  waits: [],
  wants: [],
  over: undefined,
  code: undefined,
  refused: undefined,
}

/** Whose something is. Another epoch, after a revocation or an erasure, is always another visitor's. It is the prefix of no other. */
export function ownerOf({ sub, epoch }: Pick<Identity, 'sub' | 'epoch'>): string {
  return `${sub} ${epoch} `
}

export function kindOf({ sub, browser, young, guest }: Identity): 'guest' | 'user' {
  return browser === sub || young === 'guest' || guest ? 'guest' : 'user'
}

export function fieldOf({ fields }: Pick<State, 'fields'>, key: string): Field {
  return fields.get(key) ?? UNKNOWN
}

/** Whether there is something to send. */
export function isDraft({ wants, code }: Field): boolean {
  return wants.length > 0 && !code
}

/** Whether all of them have computed the value. Then it may replace that alone which it was computed from. */
export function isComputed(calls: readonly Call[] = []): boolean {
  return calls.length > 0 && calls.every(({ next }) => next)
}

/** Of what is wanted the last, where it was never sent. */
export function unsent({ over, wants }: Field): Want | undefined {
  const last = wants.at(-1)
  return last?.seen === FIRST_SENDING && (over === undefined || wants.length > 1) ? last : undefined
}

/** Of calls the promises: how the value was computed does not matter any more. */
export function alone(calls: readonly Call[]): readonly Call[] {
  return calls.map(({ id }) => ({ id }))
}

/** The value that the page shows; undefined where there is none. */
export function live(state: Pick<State, 'fields'>, key: string): JsonValue | undefined {
  const field = fieldOf(state, key)
  return (field.wants.at(-1) ?? field).value
}

/** The value, else the default. */
export function shown(state: Pick<State, 'fields'>, key: string): JsonValue | undefined {
  const value = live(state, key)
  return value === undefined ? fieldOf(state, key).fallback : value
}

const WORST_FIRST: readonly Status[] = ['rejected', 'offline', 'saving', 'saved', 'default']
const details = new Map<string, StatusDetail>()

/** The same object for the same status: frameworks compare no deeper. */
function detailOf(status: Status, reason?: LiveSessionErrorCode): StatusDetail {
  const name = reason ?? status
  const detail = details.get(name) ?? Object.freeze(reason ? { status, reason } : { status })
  details.set(name, detail)
  return detail
}

export function statusOf(state: State, key: string): StatusDetail {
  const field = fieldOf(state, key)
  const reason = field.code ?? (isDraft(field) ? undefined : field.refused)
  if (reason) return detailOf('rejected', reason)
  if (isDraft(field) || field.is === 'held') return detailOf(state.isUnreachable ? 'offline' : 'saving')
  return detailOf(field.is === 'saved' ? 'saved' : 'default')
}

/** The worst of all. */
export function overallStatus(state: State): StatusDetail {
  const all = allOf(state)
  const [worst = detailOf('default')] = WORST_FIRST.flatMap((status) => all.filter((one) => one.status === status))
  return worst
}

/** Whether anything is on its way: neither saved, nor given up, nor waiting for the server to be reached. */
export function isUnderWay(state: State): boolean {
  return allOf(state).some(({ status }) => status === 'saving')
}

function allOf(state: State): readonly StatusDetail[] {
  return [...state.fields.keys()].map((key) => statusOf(state, key))
}
