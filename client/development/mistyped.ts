import { didYouMean } from '../../shared/did-you-mean.js'
import { NEVER } from '../../shared/stamp.js'
import { internalsOf } from '../internals.js'
import type { AnyClient } from '../types.js'

/** The functions whose first argument is a key. */
const METHODS = ['get', 'has', 'subscribe', 'status', 'field', 'set', 'update', 'delete'] as const

/**
 * Warns in the console, once for each key, about an unknown key that resembles a known key. A key with neither a value nor a default may be
 * an optional field, so a dissimilar key causes no warning.
 */
export function warnOfMistyped(live: AnyClient): void {
  const { page } = internalsOf(live)
  const told = new Set<string>()
  const check = (method: string, key: string): void => {
    const known = [...page.keys].flatMap(([name, { fallback, stamp }]) =>
      fallback === undefined && stamp === NEVER ? [] : name,
    )
    const meant = known.includes(key) || told.has(key) ? '' : didYouMean(key, known)
    if (meant === '') return
    told.add(key)
    console.warn(`koa-live-session: ${method}("${key}"): the page knows no value and no default of this key.${meant}`)
  }
  const watched = METHODS.map((method) => {
    const act = live[method] as (...given: unknown[]) => unknown
    const watch = (...given: unknown[]): unknown => {
      const [key] = given
      if (typeof key === 'string') void live.ready.then(() => check(method, key))
      return act(...given)
    }
    return [method, watch]
  })
  Object.assign(live, Object.fromEntries(watched))
}
