import { LiveSessionError } from '../../../shared/errors.js'
import { isWellFormed } from '../../../shared/json.js'

const LONGEST = 2000
/** Browsers drop tabs and line ends from a URL before parsing it, and treat a backslash as a slash. */
const UNSAFE = /[\p{Cc}\s\\]/u
/** A placeholder for this origin, whatever it is. */
const ORIGIN = 'https://origin.invalid'

/**
 * Returns a path of this origin to send a page to.
 *
 * @throws {LiveSessionError} `malformed`
 */
export function checkTarget(to: unknown): string {
  if (typeof to === 'string' && isPath(to)) return to
  throw new LiveSessionError('malformed', 'handOff: expected a path of this origin as `to`, like "/sign-in"')
}

function isPath(to: string): boolean {
  if (to.length > LONGEST || !isWellFormed(to) || UNSAFE.test(to)) return false
  // Two slashes begin another host's name.
  if (!to.startsWith('/') || to.startsWith('//')) return false
  if (!URL.canParse(to, ORIGIN)) return false
  const { origin, pathname } = new URL(to, ORIGIN)
  // Browsers remove dots from a path: `/.//host` is requested as `//host`, and a route may redirect to the path that was requested.
  return origin === ORIGIN && !pathname.startsWith('//')
}
