import type { CookieCore } from '../cookie/cookie-core.js'
import type { Connections } from './connections.js'
import type { HasConsent } from './consent.js'
import type { HandshakeMismatches } from './handshake-mismatches.js'
import type { Identities } from './identities.js'
import type { Retirements } from './retirements.js'

/** The core with visitors and their connections. */
export interface IdentityCore extends CookieCore {
  readonly connections: Connections
  readonly retirements: Retirements
  readonly handshakeMismatches: HandshakeMismatches
  readonly hasConsent: HasConsent
  readonly identities: Identities
}
