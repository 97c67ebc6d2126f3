// The core of a plugin: creates all parts in dependency order, then the features.

import type Koa from 'koa'
import { type Awaitable, after, allOf } from '../shared/promise.js'
import { Connections } from './connections/connections.js'
import { LiveCookie } from './cookie/cookie.js'
import { CookieValues } from './cookie/cookie-values.js'
import { CookieMembers } from './cookie/members.js'
import { CookieMemos } from './cookie/memo.js'
import { Limits } from './exchange/limits.js'
import type { Feature, MakeFeature } from './feature.js'
import { createConsent, type HasConsent } from './identity/consent.js'
import { IdentifyChecks } from './identity/identify-checks.js'
import { createIdentifyUser, type IdentifyUser } from './identity/identify-user.js'
import { Identities } from './identity/identities.js'
import { type OnRevoked, Revocations } from './identity/revocations.js'
import { PendingRotations } from './identity/rotations.js'
import { GuestMemory } from './memory/guest-memory.js'
import { Memory } from './memory/memory.js'
import type { Nodes } from './nodes.js'
import { createWarn, type Report, type Warn } from './settings/report.js'
import type { Settings } from './settings/settings.js'
import type { AnyFeatureData } from './store/feature-data.js'
import { StoreClient } from './store/store-client.js'
import { SigningKeys } from './subjects/signing-keys.js'
import type { Subject, UserSubject } from './subjects/subject.js'
import { Notifications } from './values/listeners.js'
import { PageTickets } from './values/page-tickets.js'
import { Tickets } from './values/ticket.js'
import { Values } from './values/values.js'

/** The bytes of users' feature data in memory, as a multiple of `cache.maxGuestBytes`. */
const USER_SHARE = 4

/**
 * All parts of a plugin. Each part receives the core. Its constructor may use only the parts created before it. The parts import this class
 * only as a type, so they do not depend on this file at run time.
 */
export class Core {
  readonly app: Koa
  readonly settings: Settings
  readonly report: Report
  readonly warn: Warn

  // The values in memory.
  readonly guestMemory: GuestMemory
  /** The bound of what features keep of users, such as app sessions. */
  readonly userMemory: GuestMemory
  readonly memory: Memory
  readonly notifications: Notifications
  readonly revocations: Revocations
  readonly tickets: Tickets
  readonly pageTickets: PageTickets
  readonly values: Values

  // The live cookie.
  readonly cookie: LiveCookie
  readonly cookieMembers: CookieMembers
  readonly cookieValues: CookieValues

  // The visitors and their connections.
  readonly connections: Connections
  readonly pendingRotations: PendingRotations
  readonly identifyChecks: IdentifyChecks
  readonly hasConsent: HasConsent
  readonly identifyUser: IdentifyUser
  readonly identities: Identities
  readonly limits: Limits

  // Beyond this process.
  readonly store: StoreClient | undefined
  /** The other processes of the app, after `attach`. */
  nodes: Nodes | undefined = undefined
  /** Whether `attach` has the option `handshake`: without it, sockets have no session of the app. */
  hasHandshake = false

  /** The data of all features: each `FeatureData` adds itself. */
  readonly featureData: AnyFeatureData[] = []
  /** By the context of a request, the time of the oldest hand-off that it has taken, in ms since 1970. */
  readonly handedOffAt: WeakMap<object, number> = new WeakMap()
  /** Empty until all features are created. */
  readonly features: readonly Feature[] = []

  constructor(app: Koa, settings: Settings, makers: readonly MakeFeature[]) {
    const { secrets, maxAge, maxIdle, maxVisitors, maxGuestBytes, clock } = settings
    this.app = app
    this.settings = settings
    this.report = settings.report
    this.warn = createWarn(clock)
    const { warn } = this

    const memos = new CookieMemos()
    const { drop, dropAll } = memos
    const onChange = (subject: Subject): void => {
      drop(subject)
      for (const { changes } of this.features) changes?.(subject)
    }
    const isInCookie = (key: string): boolean => settings.fields.get(key)?.inCookie === true
    this.guestMemory = new GuestMemory(maxGuestBytes)
    const { guestMemory } = this
    this.userMemory = new GuestMemory(USER_SHARE * maxGuestBytes)
    this.memory = new Memory({
      max: maxVisitors,
      maxIdle,
      clock,
      guestMemory,
      isInCookie,
      onChange,
      onDrop: () => {
        dropAll()
        this.store?.evicted()
      },
    })
    this.notifications = new Notifications(warn)
    const onRevoked: OnRevoked = (name) => {
      drop(name)
      this.connections.mark(name, this.revocations)
    }
    this.revocations = new Revocations(this, onRevoked)
    this.tickets = new Tickets(new SigningKeys(secrets, 'ticket'), maxAge)
    this.pageTickets = new PageTickets(this)
    this.values = new Values(this)

    const cookieKeys = new SigningKeys(secrets, 'cookie')
    this.cookie = new LiveCookie(app, cookieKeys, settings.cookie, {
      clock,
      isCurrent: (cookie) => this.revocations.validityOf(cookie) === 'current',
      onDrop: dropAll,
      warn,
      guestMemory,
    })
    this.cookieMembers = new CookieMembers(this)
    this.cookieValues = new CookieValues(this, memos)

    this.connections = new Connections()
    this.pendingRotations = new PendingRotations(this)
    this.identifyChecks = new IdentifyChecks(warn, clock)
    this.hasConsent = createConsent(settings)
    this.identifyUser = createIdentifyUser(settings)
    this.identities = new Identities(this, cookieKeys)
    this.limits = new Limits(settings.limits, maxVisitors, clock)

    this.store = settings.store && new StoreClient(settings.store, this)
    this.features = makers.map((make) => make(this))
  }

  /** Returns the user whom `identify` names at the start of a request or handshake; undefined if a feature knows that the sign-in has ended. */
  signedIn(ctx: Koa.Context, user: UserSubject | undefined): Awaitable<UserSubject | undefined> {
    if (user === undefined) return undefined
    const ends = allOf(this.features.map(({ hasEnded }) => hasEnded?.(ctx, user) ?? false))
    return after(ends, (all) => (all.includes(true) ? undefined : user))
  }

  /** Returns the feature data that handles this key; undefined if none does. */
  featureDataOf(key: string): AnyFeatureData | undefined {
    return this.featureData.find(({ handles }) => handles(key))
  }
}
