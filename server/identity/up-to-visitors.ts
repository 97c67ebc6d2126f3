import type { UpToCookie } from '../cookie/up-to-cookie.js'
import type { Connections } from './connections.js'
import type { HasConsent } from './consent.js'
import type { HandshakeMismatches } from './handshake-mismatches.js'
import type { Identities } from './identities.js'
import type { PendingRotations } from './pending-rotations.js'

/** The kernel up to visitors and their connections. */
export interface UpToVisitors extends UpToCookie {
  readonly connections: Connections
  readonly pendingRotations: PendingRotations
  readonly handshakeMismatches: HandshakeMismatches
  readonly hasConsent: HasConsent
  readonly identities: Identities
}
