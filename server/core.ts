// The core of a plugin: creates all parts in dependency order, then the features. No part imports this file.

import type Koa from 'koa'
import { Connections } from './connections/connections.js'
import { Endings } from './connections/endings.js'
import { PageEvents } from './connections/page-events.js'
import { type CreateSocketHandle, createSocketHandles, type SocketParts } from './connections/socket.js'
import { Subscriptions } from './connections/subscriptions.js'
import { LiveCookie } from './cookie/cookie.js'
import { CookieValues } from './cookie/cookie-values.js'
import { CookieMembers } from './cookie/members.js'
import { CookieMemos } from './cookie/memo.js'
import { Ends } from './ends/ends.js'
import { Answers } from './exchange/answer.js'
import { Exchange } from './exchange/exchange.js'
import { Limits } from './exchange/limits.js'
import { TicketVerifier } from './exchange/verify-tickets.js'
import type { Feature } from './feature.js'
import { Arrivals } from './http/arrivals.js'
import { CookieWriter } from './http/cookie-writer.js'
import { createEndpoint } from './http/endpoint.js'
import { createMiddleware } from './http/middleware.js'
import { type BeginVisit, RequestHandles } from './http/request-handles.js'
import { Snapshots } from './http/snapshots.js'
import { Visit } from './http/visit.js'
import { IdentifyChecks } from './identity/identify-checks.js'
import { createIdentifyUser, createSignedIn } from './identity/identify-user.js'
import { Identities } from './identity/identities.js'
import { PageIdentities } from './identity/who.js'
import { GuestMemory } from './memory/guest-memory.js'
import { Memory } from './memory/memory.js'
import type { Remotes } from './memory/remotes.js'
import type { MakeFeature, Parts } from './parts.js'
import type { Settings } from './settings/settings.js'
import type { AnyFeatureData } from './store/feature-entry.js'
import { StoreClient } from './store/store-client.js'
import { SigningKeys } from './subjects/signing-keys.js'
import { Notifications } from './values/listeners.js'
import { PageTickets } from './values/page-tickets.js'
import { Tickets } from './values/ticket.js'
import { Values } from './values/values.js'

/** The bytes of users' feature data in memory, as a multiple of `cache.maxGuestBytes`. */
const USER_SHARE = 4

/** All parts of a plugin. */
export interface Core extends Parts {
  readonly tickets: Tickets
  readonly handles: RequestHandles
  readonly middleware: Koa.Middleware
  readonly createSocketHandle: CreateSocketHandle
}

/** Creates all parts. The type `...Parts` of a part lists the parts that it uses. */
export function createCore(app: Koa, settings: Settings, makers: readonly MakeFeature[]): Core {
  const { secrets, maxAge, maxIdle, maxVisitors, maxGuestBytes, storeRefresh, clock, warn } = settings
  // Filled below.
  const features: Feature[] = []
  const featureData: AnyFeatureData[] = []
  const remotes: Remotes = { store: undefined, nodes: undefined }

  // The values in memory.
  const isInCookie = (key: string): boolean => settings.fields.get(key)?.inCookie === true
  const guestMemory = new GuestMemory(maxGuestBytes)
  const budgets = { guests: guestMemory, users: new GuestMemory(USER_SHARE * maxGuestBytes) }
  const memory = new Memory({ max: maxVisitors, maxIdle, clock, guestMemory, isInCookie, storeRefresh })
  const notifications = new Notifications(warn)
  const ends = new Ends({ settings, guestMemory, remotes })
  const tickets = new Tickets(new SigningKeys(secrets, 'ticket'), maxAge)
  const pageTickets = new PageTickets({ settings, memory, ends, tickets })
  const values = new Values({ settings, memory, notifications, pageTickets, ends, remotes })

  // The live cookie.
  const cookieKeys = new SigningKeys(secrets, 'cookie')
  // The memos watch memory first, because a changed value must drop them before a feature reads the value.
  const memos = new CookieMemos(memory, ends)
  const cookie = new LiveCookie(app, cookieKeys, { settings, guestMemory, memos, ends })
  const cookieMembers = new CookieMembers(features)
  const cookieValues = new CookieValues({ settings, memory, memos, ends, values })
  const cookieWriter = new CookieWriter({ settings, cookie, cookieMembers, cookieValues, ends })

  // The visitors and their connections.
  const connections = new Connections(ends, guestMemory)
  const identifyChecks = new IdentifyChecks(warn, clock)
  const pageIdentities = new PageIdentities(settings, ends)
  const identifyUser = createIdentifyUser(settings)
  const signedIn = createSignedIn(features)
  const ofCookie = { cookieKeys, cookie, cookieValues }
  const identities = new Identities({ settings, ...ofCookie, memory, values, ends, identifyChecks })

  // Beyond this process.
  const ofStore = { settings, guestMemory, memory, ends, values, remotes, featureData }
  const store = settings.store && new StoreClient(settings.store, ofStore)
  remotes.store = store
  const endings = new Endings({ connections, ends, store, features })
  const asked = { identifyChecks, identifyUser, signedIn }
  const arrivals = new Arrivals({ cookie, identities, ends, store, ...asked })

  // The exchange with pages.
  const limits = new Limits(settings.limits, maxVisitors, clock, guestMemory)
  const verifier = new TicketVerifier({ tickets, ends, values, identities })
  const answers = new Answers({ values, pageTickets, cookieValues, store })
  const exchange = new Exchange({ settings, limits, verifier, values, pageTickets, store, answers })

  const parts = {
    ...{ app, settings, features, featureData, remotes },
    ...{ guestMemory, budgets, memory, notifications, ends, tickets, pageTickets, values },
    ...{ cookie, cookieValues, cookieWriter },
    ...{ connections, endings, identifyChecks, identifyUser, signedIn, identities, pageIdentities, arrivals },
    ...{ store, limits, verifier, answers, exchange },
    handOffs: new WeakMap(),
    handshake: { isGiven: false },
  }
  features.push(...makers.map((make) => make(parts)))
  featureData.push(...features.flatMap(({ data = [] }) => data))
  for (const { changes } of features) if (changes) memory.watch({ changed: changes })

  // The requests, with the members of the features.
  const ofVisit = { settings, arrivals, cookieWriter, endings, identities, pageIdentities }
  const begin: BeginVisit = (ctx, arrival) => new Visit(ofVisit, ctx, arrival).begin()
  const snapshots = new Snapshots({ settings, cookieValues, features, pageTickets, values })
  const handles = new RequestHandles(
    { settings, cookieValues, ends, features, snapshots, store, values },
    arrivals,
    begin,
  )
  const endpoint = createEndpoint({ ...parts, begin, handles })
  const middleware = createMiddleware({ settings, features, arrivals, handles, endpoint })

  // The sockets, with the members of the features.
  const subscriptions = new Subscriptions(memory, cookieValues, answers)
  const ofPage = { exchange, features, identifyChecks, limits, settings }
  const eventsOf: SocketParts['eventsOf'] = (...given) => new PageEvents(ofPage, ...given)
  const ofSocket = { settings, store, values, connections, subscriptions, eventsOf }
  return { ...parts, handles, middleware, createSocketHandle: createSocketHandles(ofSocket, features) }
}
