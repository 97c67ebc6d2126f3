import type { AnyChange, ChangeSource } from '../shared/change.js'
import { type JsonValue, sameJson } from '../shared/json.js'
import { type StoredRegister, supersedes } from '../shared/register.js'
import { NEVER, type Stamp } from '../shared/stamp.js'
import { createListeners, type Listeners } from './listeners.js'

type Register = readonly [key: string, stamp: Stamp, value?: JsonValue | undefined]

/** What this page shows: the newest registers it has seen, and over them what was just set and has no stamp yet. */
export interface Values {
  /** The value, else the default. */
  get(key: string): JsonValue | undefined
  /** The value; undefined where there is none. */
  live(key: string): JsonValue | undefined
  stamp(key: string): Stamp
  /** Takes over what is newer; what was just set stays in front. */
  merge(registers: readonly Register[], source: ChangeSource): void
  /** Shows what was just set; no value: deleted. What is answered tells the listeners. */
  draft(key: string, value: JsonValue | undefined): () => void
  /** Shows the register again. */
  undraft(key: string): void
  setDefaults(defaults: Readonly<Record<string, JsonValue>>): void
  /** Forgets all of these keys but the defaults: they are another subject's now. */
  clear(keys: readonly string[]): void
  onChange: Listeners<[change: AnyChange]>['add']
}

export function createValues(): Values {
  const registers = new Map<string, StoredRegister>()
  const drafts = new Map<string, { readonly value: JsonValue | undefined }>()
  const defaults = new Map<string, JsonValue>()
  const listeners = createListeners<[change: AnyChange]>()

  const live = (key: string): JsonValue | undefined => (drafts.get(key) ?? registers.get(key))?.value
  const get = (key: string): JsonValue | undefined => {
    const value = live(key)
    return value === undefined ? defaults.get(key) : value
  }
  const stamp = (key: string): Stamp => registers.get(key)?.stamp ?? NEVER

  /** Does something to some keys; what is answered tells of those whose value is another afterwards. */
  const apply = (keys: Iterable<string>, source: ChangeSource, act: () => void): (() => void) => {
    const before = [...keys].map((key) => ({ key, previous: get(key) }))
    act()
    return () => {
      for (const { key, previous } of before) {
        const value = get(key)
        if (!sameJson(value, previous)) listeners.tell({ key, value, previous, source })
      }
    }
  }
  const change = (...args: Parameters<typeof apply>): void => apply(...args)()

  /** What equals the value that is shown is the same: frameworks compare no deeper. */
  const take = (key: string, value: JsonValue | undefined): JsonValue | undefined => {
    const shown = get(key)
    return sameJson(value, shown) ? shown : freeze(value)
  }

  return {
    get,
    stamp,
    live,
    merge: (news, source) => {
      const keys = news.map(([key]) => key)
      change(keys, source, () => {
        for (const [key, stamp, value] of news) {
          const current = registers.get(key)
          if (!current || supersedes({ stamp, value }, current))
            registers.set(key, { key, stamp, value: take(key, value) })
        }
      })
    },
    draft: (key, value) => apply([key], 'request', () => drafts.set(key, { value: take(key, value) })),
    undraft: (key) => change([key], 'ticket', () => drafts.delete(key)),
    setDefaults: (values) =>
      change(Object.keys(values), 'ticket', () => {
        for (const key in values) defaults.set(key, take(key, values[key]) ?? null)
      }),
    clear: (keys) =>
      change(keys, 'login', () => {
        for (const key of keys) for (const map of [registers, drafts]) map.delete(key)
      }),
    onChange: listeners.add,
  }
}

function freeze<T extends JsonValue | undefined>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze)
  return value
}
