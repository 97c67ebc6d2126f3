// Decides which values fit into the cookie, because another build may have allowed larger values.

import { mostBytes } from '../../shared/budget.js'
import type { LwwRegister } from '../../shared/register.js'
import type { Settings } from '../settings/settings.js'
import { exactly, total } from './size.js'

/**
 * Returns the registers that fit into the budget. Values within their fields' shares always fit, because the shares are checked at startup.
 * Of larger values, which another build has allowed, keeps the newest: first of declared keys, then of undeclared keys.
 */
export function fitting(
  own: readonly LwwRegister[],
  others: readonly LwwRegister[],
  { cookieBudget, fields }: Pick<Settings, 'cookieBudget' | 'fields'>,
): readonly LwwRegister[] {
  const all = [...own, ...others]
  if (total(all, atMost) <= cookieBudget) return all
  const isWithin = (register: LwwRegister): boolean => exactly(register) <= (fields.get(register.key)?.maxBytes ?? 0)
  const within = own.filter(isWithin)
  const newest = (registers: readonly LwwRegister[]): LwwRegister[] => {
    return registers.filter((one) => !within.includes(one)).sort((a, b) => b.stamp - a.stamp)
  }
  let remaining = cookieBudget
  return [...within, ...newest(own), ...newest(others)].filter((register) => {
    const bytes = exactly(register)
    if (bytes > remaining) return false
    remaining -= bytes
    return true
  })
}

/** Returns an upper bound of a register's bytes, which is cheap to compute for all values but objects. */
function atMost(register: LwwRegister): number {
  const { key, value = null } = register
  return typeof value === 'object' && value !== null ? exactly(register) : mostBytes(key, value)
}
