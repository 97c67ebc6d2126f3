import type { JsonValue } from '../../../shared/json.js'
import { RotatingCache } from '../../kernel/memory/rotating-cache.js'
import { SigningKeys } from '../../kernel/names/keys.js'
import type { Settings } from '../../options.js'

/** Values whose names are remembered, and characters of the longest: pages may choose any text. */
const REMEMBERED = 10_000
const LONGEST = 100
const NONE: readonly string[] = []

type Scalar = string | number | boolean | null

/**
 * The names of the rooms of one field's values, one for each secret: an app may let its clients choose which rooms they join, so only who
 * has the secrets can tell them. Adapters carry them between nodes, which may have another first secret while secrets are rotated.
 */
export class RoomNames {
  readonly #key: string
  readonly #keys: SigningKeys
  readonly #names: RotatingCache<readonly string[], Scalar>
  readonly #warn: (message: string) => void

  constructor(key: string, { clock, secrets }: Pick<Settings, 'clock' | 'secrets'>, warn: (message: string) => void) {
    this.#key = key
    this.#keys = new SigningKeys(secrets, 'room')
    this.#names = RotatingCache.onMap({ max: REMEMBERED, clock })
    this.#warn = warn
  }

  /**
   * Returns the names of a value's room.
   *
   * @throws {TypeError} if values of that kind have no rooms
   */
  of(value: unknown): readonly string[] {
    if (isScalar(value)) return this.#named(value)
    const received = value === undefined ? 'undefined' : 'an object'
    throw new TypeError(
      `koa-live-session: room("${this.#key}", value): expected a number, boolean, text or null, received ${received}`,
    )
  }

  /** Returns the names of the room of what the field reads as; none if values of that kind have none. */
  find(value: JsonValue | undefined): readonly string[] {
    if (isScalar(value)) return this.#named(value)
    if (value !== undefined)
      this.#warn(
        `fields.${this.#key}.rooms: an object or a list has no room. Only numbers, booleans, texts and null do`,
      )
    return NONE
  }

  #named(value: Scalar): readonly string[] {
    return this.#names.get(value) ?? this.#name(value)
  }

  #name(value: Scalar): readonly string[] {
    // As 1 and '1' are two values.
    const text = typeof value === 'string' ? `'${value}` : String(value)
    const names = this.#keys.all(`value:${this.#key}:${text}`).map((mac) => `live_session:value:${mac}`)
    if (text.length <= LONGEST) this.#names.set(value, names)
    return names
  }
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean' || value === null
}
