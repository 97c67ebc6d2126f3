import { expiryStamp } from '../../shared/expiry.js'
import type { FieldMap } from '../../shared/fields.js'
import { LONGEST_TIMER } from '../../shared/ms.js'
import type { Expiries } from '../../shared/protocol.js'
import type { LwwRegister } from '../../shared/register.js'
import { isStamp, LOWEST_STAMP } from '../../shared/stamp.js'

/** Returns the expiry of each register, for pages. Omits expiries more than 24 days away, the longest timer of a browser. */
export function expiriesOf(
  fields: FieldMap,
  registers: readonly LwwRegister[],
  now: number,
): { readonly expiries?: Expiries } {
  const expiries = registers.flatMap(({ key, stamp, value }): Expiries => {
    if (!isStamp(stamp)) return [[key, stamp, 0]]
    const { maxAge } = fields.get(key) ?? {}
    if (maxAge === undefined || value === undefined || stamp === LOWEST_STAMP) return []
    const remaining = Math.max(1, Math.ceil(stamp + maxAge - now))
    return remaining > LONGEST_TIMER ? [] : [[key, expiryStamp(stamp), remaining]]
  })
  return expiries.length === 0 ? {} : { expiries }
}
