// Derives the names of rooms from values.

import type { JsonValue } from '../../../shared/json.js'
import { RotatingCache } from '../../memory/rotating-cache.js'
import { optionError } from '../../settings/option-checks.js'
import type { Settings } from '../../settings/settings.js'
import { SigningKeys } from '../../subjects/signing-keys.js'

/** Maximum memoized values, because a page may set any text. */
const REMEMBERED = 10_000
/** Values with more characters are not memoized. */
const LONGEST = 100
const NONE: readonly string[] = []

type Scalar = string | number | boolean | null

/**
 * Derives the room names of a field's values with a keyed hash. An app may let clients join rooms by name, so names must be unguessable. A
 * value has a name for each secret, because nodes may have different first secrets during a rotation.
 */
export class RoomNames {
  readonly #key: string
  readonly #keys: SigningKeys
  readonly #names: RotatingCache<readonly string[], Scalar>
  readonly #warn: (message: string) => void

  constructor(key: string, { clock, secrets, warn }: Pick<Settings, 'clock' | 'secrets' | 'warn'>) {
    this.#key = key
    this.#keys = new SigningKeys(secrets, 'room')
    this.#names = RotatingCache.onMap({ max: REMEMBERED, clock })
    this.#warn = warn
  }

  /**
   * Returns the names of a value's room.
   *
   * @throws {TypeError} for a value without rooms: an object, a list or undefined
   */
  of(value: unknown): readonly string[] {
    if (isScalar(value)) return this.#named(value)
    const received = value === undefined ? 'undefined' : 'an object'
    throw optionError(`room("${this.#key}", value)`, 'expected a number, boolean, text or null', received)
  }

  /** Returns the names of a current value's room. For an object or a list, warns and returns none. */
  find(value: JsonValue | undefined): readonly string[] {
    if (isScalar(value)) return this.#named(value)
    if (value !== undefined)
      this.#warn(`fields.${this.#key}.rooms: an object or a list has no room. Set a number, a boolean, a text or null`)
    return NONE
  }

  #named(value: Scalar): readonly string[] {
    return this.#names.get(value) ?? this.#name(value)
  }

  #name(value: Scalar): readonly string[] {
    // The quote distinguishes '1' from 1.
    const text = typeof value === 'string' ? `'${value}` : String(value)
    const names = this.#keys.signAll(`value:${this.#key}:${text}`).map((mac) => `live_session:value:${mac}`)
    if (text.length <= LONGEST) this.#names.set(value, names)
    return names
  }
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean' || value === null
}
