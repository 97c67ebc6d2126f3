// Rejects unknown options, formats errors about options, and warns about options without effect.

import { unknownOption } from '../../shared/checks.js'
import type { FieldSpec, Fields } from '../../shared/types.js'
import type { LiveSessionOptions } from '../types/options.js'
import type { Warn } from './report.js'

/** @throws {TypeError} for an unknown option */
export function checkNames(options: object | undefined, known: readonly string[], prefix: string): void {
  for (const name of Object.keys(options ?? {}))
    if (!known.includes(name)) throw optionError(prefix + name, unknownOption(name, known))
}

/** Returns the error for an option or a call. @param received the received value; an empty text is not shown */
export function optionError(option: string, expected: string, received = ''): TypeError {
  return new TypeError(`koa-live-session: ${option}: ${expected}${received === '' ? '' : `, received ${received}`}`)
}

/** @throws {TypeError} unless `is`: see `optionError` */
export function check(is: boolean, option: string, expected: string, received: unknown = ''): void {
  if (!is) throw optionError(option, expected, shown(received))
}

export function shown(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** An option without which another has no effect. */
type Need = 'store' | 'identify'

const NEEDS: Partial<Readonly<Record<keyof LiveSessionOptions<Fields>, Need>>> = {
  storeTimeout: 'store',
  storeRefresh: 'store',
  storeMaxIdle: 'store',
  deviceLabel: 'identify',
  onLogin: 'identify',
}

/** Warns about each option without effect. */
export function warnOfIdleOptions(options: LiveSessionOptions<Fields>, warn: Warn): void {
  for (const [option, need] of Object.entries(NEEDS)) {
    if (Reflect.get(options, option) !== undefined && options[need] === undefined)
      warn(`${option}: it has no effect without ${need}. Leave it out, or pass ${need}`)
  }
  for (const [key, spec] of Object.entries(options.fields)) {
    for (const [option, needed] of idleOf(spec))
      warn(`fields.${key}.${option}: it has no effect without ${needed}. Leave it out`)
  }
}

/** Returns a field's options without effect, each with the missing requirement. */
function idleOf({ client, guests, maxMembers, onLogin, scope }: FieldSpec): readonly (readonly [string, string])[] {
  const isWritten = client === 'write'
  const crosses = isWritten && guests === undefined && scope !== 'browser'
  const idle: [option: string, needed: string][] = []
  if (maxMembers !== undefined && !isWritten) idle.push(['maxMembers', "client: 'write'"])
  if (onLogin !== undefined && !crosses)
    idle.push(['onLogin', "client: 'write', or with guests: 'read' or scope: 'browser'"])
  return idle
}
