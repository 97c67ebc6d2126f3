import type { Field } from '../../../shared/field.js'
import type { JsonValue } from '../../../shared/json.js'
import { RotatingCache } from '../../kernel/memory/rotating-cache.js'
import { SigningKeys } from '../../kernel/names/keys.js'
import type { Settings } from '../../options.js'

/** Values whose names are remembered, and characters of the longest: pages may choose any text. */
const REMEMBERED = 10_000
const LONGEST = 100
const NONE: readonly string[] = []

/**
 * The names of rooms, one for each secret: an app may let its clients choose which rooms they join, so only who has the secrets can tell
 * them. Adapters carry them between nodes, which may have another first secret while secrets are rotated.
 */
export class RoomNames {
  readonly #keys: SigningKeys
  readonly #names: RotatingCache<readonly string[]>
  readonly #warn: (message: string) => void

  constructor({ clock, secrets }: Pick<Settings, 'clock' | 'secrets'>, warn: (message: string) => void) {
    this.#keys = new SigningKeys(secrets, 'room')
    this.#names = RotatingCache.onMap({ max: REMEMBERED, clock })
    this.#warn = warn
  }

  /**
   * Returns the names of a value's room.
   *
   * @throws {TypeError} if values of that kind have no rooms
   */
  of(field: Field, value: unknown): readonly string[] {
    if (isScalar(value)) return this.#named(field.key, value)
    const received = value === undefined ? 'undefined' : 'an object'
    throw new TypeError(
      `koa-live-session: room("${field.key}", value): expected a number, boolean, text or null, received ${received}`,
    )
  }

  /** Returns the names of the room of what a field reads as; none if values of that kind have none. */
  find({ key }: Field, value: JsonValue | undefined): readonly string[] {
    if (isScalar(value)) return this.#named(key, value)
    if (value !== undefined)
      this.#warn(`fields.${key}.rooms: an object or a list has no room. Only numbers, booleans, texts and null do`)
    return NONE
  }

  #named(key: string, value: string | number | boolean | null): readonly string[] {
    const text = `value:${JSON.stringify([key, value])}`
    const known = this.#names.get(text)
    if (known) return known
    const names = this.#keys.all(text).map((mac) => `live_session:value:${mac}`)
    if (text.length <= LONGEST) this.#names.set(text, names)
    return names
  }
}

function isScalar(value: unknown): value is string | number | boolean | null {
  return value === null || ['string', 'number', 'boolean'].includes(typeof value)
}
