import { LiveSessionError } from '../../../shared/errors.js'
import { isWellFormed } from '../../../shared/json.js'

const LONGEST = 2000
/** Browsers drop tabs and line ends from an address before they read it, and take a backslash for a slash. */
const UNSAFE = /[\p{Cc}\s\\]/u
/** Stands for this origin, whatever it is. */
const ORIGIN = 'https://origin.invalid'

/**
 * A path of this origin, where a page is sent to.
 *
 * @throws {LiveSessionError} `malformed`
 */
export function checkTarget(to: unknown): string {
  if (typeof to === 'string' && isPath(to)) return to
  throw new LiveSessionError('malformed', 'handOff: expected a path of this origin as `to`, like "/sign-in"')
}

function isPath(to: string): boolean {
  if (to.length > LONGEST || !isWellFormed(to) || UNSAFE.test(to)) return false
  // Two slashes begin the name of another host.
  if (!to.startsWith('/') || to.startsWith('//')) return false
  if (!URL.canParse(to, ORIGIN)) return false
  const { origin, pathname } = new URL(to, ORIGIN)
  // Browsers take dots out of a path: `/.//host` is asked for as `//host`, and a route may well redirect to the path that it was asked for.
  return origin === ORIGIN && !pathname.startsWith('//')
}
