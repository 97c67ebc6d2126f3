// The parts that features, requests and connections may use; each takes those that it names.

import type Koa from 'koa'
import type { Connections } from './connections/connections.js'
import type { Endings } from './connections/endings.js'
import type { LiveCookie } from './cookie/cookie.js'
import type { CookieValues } from './cookie/cookie-values.js'
import type { Exchange } from './exchange/exchange.js'
import type { Limits } from './exchange/limits.js'
import type { TicketVerifier } from './exchange/verify-tickets.js'
import type { Feature } from './feature.js'
import type { Arrivals } from './http/arrivals.js'
import type { CookieWriter } from './http/cookie-writer.js'
import type { IdentifyChecks } from './identity/identify-checks.js'
import type { IdentifyUser, SignedIn } from './identity/identify-user.js'
import type { Identities } from './identity/identities.js'
import type { PageIdentities } from './identity/who.js'
import type { Memory } from './memory/memory.js'
import type { FeatureDataParts } from './store/feature-data.js'
import type { AnyFeatureData } from './store/feature-entry.js'
import type { UserSubject } from './subjects/subject.js'
import type { Notifications } from './values/listeners.js'
import type { PageTickets } from './values/page-tickets.js'
import type { Values } from './values/values.js'

/** The origin of a hand-off. */
export interface HandOffOrigin {
  /** In ms since 1970. */
  readonly at: number
  /** By user whom the hand-off signs in, or whom its request spares from a revocation, the user's epoch; empty if the app names nobody. */
  readonly epochs: ReadonlyMap<UserSubject, number>
}

/** The parts that features may use; each feature takes those that it names. */
export interface FeatureParts extends FeatureDataParts {
  readonly app: Koa
  /** All features and their data: both lists are empty until every feature is created. */
  readonly features: readonly Feature[]
  readonly featureData: readonly AnyFeatureData[]
  readonly memory: Memory
  readonly values: Values
  readonly notifications: Notifications
  readonly pageTickets: PageTickets
  readonly verifier: TicketVerifier
  readonly limits: Limits
  readonly cookie: LiveCookie
  readonly identities: Identities
  readonly identifyUser: IdentifyUser
  readonly connections: Connections
  readonly endings: Endings
  /** By the context of a request, the hand-off that it has taken. */
  readonly handOffs: WeakMap<object, HandOffOrigin>
  /** Whether `attach` has the option `handshake`: without it, sockets have no session of the app. */
  readonly handshake: { isGiven: boolean }
}

/** The parts that requests and connections use, including those that no feature needs. */
export interface Parts extends FeatureParts {
  readonly arrivals: Arrivals
  readonly cookieValues: CookieValues
  readonly cookieWriter: CookieWriter
  readonly exchange: Exchange
  readonly identifyChecks: IdentifyChecks
  readonly pageIdentities: PageIdentities
  readonly signedIn: SignedIn
}

export type MakeFeature = (parts: FeatureParts) => Feature
