import type { JsonValue } from '../../../shared/json.js'
import type { LwwRegister } from '../../../shared/register.js'
import { stamp } from './stamp.js'

/** Returns a write of a key; without a value, its deletion. */
export function register(key: string, at: number, value?: JsonValue): LwwRegister {
  return { key, stamp: stamp(at), value }
}
