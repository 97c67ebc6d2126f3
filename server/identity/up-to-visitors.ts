import type { UpToCookie } from '../cookie/up-to-cookie.js'
import type { Connections } from './connections.js'
import type { HasConsent } from './consent.js'
import type { Departures } from './departures.js'
import type { Disagreements } from './disagreements.js'
import type { Identities } from './identities.js'

/** The kernel up to visitors and their connections. */
export interface UpToVisitors extends UpToCookie {
  readonly connections: Connections
  readonly departures: Departures
  readonly disagreements: Disagreements
  readonly hasConsent: HasConsent
  readonly identities: Identities
}
