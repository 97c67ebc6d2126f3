// Adds hand-offs to sockets and requests, and decides which redirect targets are safe.

import type { StandardSchemaV1 } from '@standard-schema/spec'
import { LiveSessionError } from '../../../shared/errors.js'
import { isWellFormed } from '../../../shared/json.js'
import { HAND_OFF } from '../../../shared/protocol.js'
import type { Core } from '../../core.js'
import type { Feature } from '../../feature.js'
import { subjectHash } from '../../subjects/subject.js'
import { redeemHandOff, sendOn } from './posted-token.js'
import { checkPurpose, HandOffTokens } from './tokens.js'

const LONGEST = 2000
/** Browsers drop tabs and line ends from a URL before parsing, and treat a backslash as a slash. */
const UNSAFE = /[\p{Cc}\s\\]/u
/** A placeholder for our origin, which is unknown here. */
const ORIGIN = 'https://origin.invalid'

/** Creates the feature for hand-offs: encrypted payloads from a socket's handler to the next request of its browser. */
export function handOffFeature(core: Core): Feature {
  const tokens = new HandOffTokens(core)
  return {
    request: {
      takeHandOff: (use, purpose: string, schema: StandardSchemaV1) =>
        redeemHandOff(core, tokens, use, purpose, schema),
    },
    socket: {
      handOff: (use, purpose: string, payload: unknown, options: { readonly to: string }) => {
        checkPurpose('handOff', purpose)
        const to = checkTarget(options?.to)
        use.permit()
        if (!use.isOpen()) throw new LiveSessionError('closed', 'handOff: the socket is not open')
        if (!use.cookie)
          throw new LiveSessionError('cookies_blocked', 'handOff: the connection has brought no live cookie')
        const browser = subjectHash(use.cookie.browserSubject)
        use.emit(HAND_OFF, tokens.encrypt({ browser, purpose }, to, payload))
      },
    },
    post: (ctx) => sendOn(core, tokens, ctx),
  }
}

/**
 * Validates a redirect target: a path of this origin.
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
  // Browsers remove dots from a path: they request `/.//host` as `//host`, and a route may redirect to the requested path.
  return origin === ORIGIN && !pathname.startsWith('//')
}
