import type { Field } from '../../shared/field.js'
import type { Awaitable } from '../../shared/promise.js'
import type { SyncAnswer } from '../../shared/protocol.js'
import { NEVER, type Stamp } from '../../shared/stamp.js'
import type { Core } from '../core.js'
import type { VerifiedCookie } from '../http/cookie-text.js'
import type { Visitor } from '../identity/visitor.js'

/** What is held besides the cookie. */
export type HeldElsewhere = Pick<SyncAnswer, 'held' | 'unsaved'>

/** What a cookie has: the browser's proof that it keeps what it is given. */
export function heldBy(
  { sessions }: Pick<Core, 'sessions'>,
  cookie: Pick<VerifiedCookie, 'registers'> | undefined,
): SyncAnswer['held'] {
  const held: SyncAnswer['held'][number][] = []
  for (const { key, stamp } of cookie?.registers ?? [])
    if ((sessions.fields.get(key)?.access ?? 'hidden') !== 'hidden') held.push([key, stamp])
  return held
}

/**
 * What no cookie will ever show, as it is kept out of it: what of it the store has, and of which keys it has not the newest write. For
 * those no page need wait.
 */
export function heldElsewhere(core: Core, visitor: Visitor): Awaitable<HeldElsewhere> {
  for (const field of core.sessions.fields.values())
    if (!field.inCookie && field.access !== 'hidden') return askStore(core, visitor)
  return { held: [] }
}

async function askStore({ sessions, store }: Core, visitor: Visitor): Promise<HeldElsewhere> {
  const stampOf = (field: Field): Stamp => sessions.find(visitor.subject(field))?.stamp(field.key) ?? NEVER
  const fields = [...sessions.fields.values()].filter((field) => {
    return !field.inCookie && field.access !== 'hidden' && stampOf(field) !== NEVER
  })
  const subjects = store ? [...new Set(fields.map((field) => visitor.subject(field)))] : []
  const registers = (await Promise.all(subjects.map(async (subject) => (await store?.stored(subject)) ?? []))).flat()
  // A field has but one subject.
  const held = registers.flatMap(({ key, stamp }): SyncAnswer['held'] => {
    return fields.some((field) => field.key === key) ? [[key, stamp]] : []
  })
  const isStored = (field: Field): boolean => held.some(([key, stamp]) => key === field.key && stamp >= stampOf(field))
  const unsaved = fields.filter((field) => !isStored(field)).map(({ key }) => key)
  return { held, ...(unsaved.length === 0 ? {} : { unsaved }) }
}
