import { type JsonValue, sameJson } from '../../shared/json.js'
import type { Effect, TimerName } from './messages.js'
import type { Field, State } from './state.js'
import { fieldOf, shown } from './view.js'

type Mutable<T> = {
  -readonly [P in keyof T]: T[P] extends ReadonlyMap<infer K, infer V>
    ? Map<K, V>
    : T[P] extends ReadonlySet<infer M>
      ? Set<M>
      : T[P]
}

/** One step: a copy of the state, to be changed, and what is to be done. */
export interface Turn extends Mutable<State> {
  readonly effects: Effect[]
}

export function beginTurn(state: State): Turn {
  return { ...state, fields: new Map(state.fields), timers: new Set(state.timers), effects: [] }
}

export function patch(turn: Turn, key: string, part: Partial<Field>): void {
  turn.fields.set(key, { ...fieldOf(turn, key), ...part })
}

export function start(turn: Turn, name: TimerName, ms: number, spread: number = 0): void {
  turn.timers.add(name)
  turn.effects.push(['timer', name, ms, spread])
}

/** What equals the value that is shown is the same object: frameworks compare no deeper. */
export function same(turn: Turn, key: string, value: JsonValue | undefined): JsonValue | undefined {
  const now = shown(turn, key)
  return sameJson(value, now) ? now : freeze(value)
}

function freeze<T extends JsonValue | undefined>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(freeze)
  return value
}
