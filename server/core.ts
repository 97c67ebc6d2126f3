import type Koa from 'koa'
import { createConsent, type HasConsent } from './consent.js'
import { LiveCookie } from './http/cookie.js'
import { type CookieMember, CookieMembers } from './http/cookie-members.js'
import { Disagreements } from './identity/disagreements.js'
import { Epochs } from './identity/epochs.js'
import { Identities } from './identity/identities.js'
import { Login } from './identity/login.js'
import { Limits } from './limits/limits.js'
import type { Settings } from './options.js'
import { createWarn, type Report, type Warn } from './report.js'
import type { NameOwner, Part } from './seams.js'
import { Connections } from './sockets/connections.js'
import { Departures } from './sockets/departures.js'
import { Rooms } from './sockets/rooms.js'
import { StoreSync } from './stores/sync.js'
import { Announcements } from './values/announcements.js'
import { Dispatch } from './values/dispatch.js'
import { Freshness } from './values/freshness.js'
import { SigningKeys } from './values/keys.js'
import type { Remote } from './values/remote.js'
import { Sessions } from './values/sessions.js'
import { Subjects } from './values/subjects.js'
import { Tickets } from './values/ticket.js'

/** The pieces of one plugin. */
export interface Core {
  readonly app: Koa
  readonly settings: Settings
  readonly announcements: Announcements
  readonly connections: Connections
  readonly cookie: LiveCookie
  readonly cookieMembers: CookieMembers
  readonly departures: Departures
  readonly disagreements: Disagreements
  readonly dispatch: Dispatch
  readonly remote: Remote
  readonly epochs: Epochs
  readonly freshness: Freshness
  readonly identities: Identities
  readonly limits: Limits
  readonly login: Login
  /** Of names that are no subjects. */
  readonly owners: readonly NameOwner[]
  readonly parts: readonly Part[]
  readonly rooms: Rooms
  readonly sessions: Sessions
  readonly store: StoreSync | undefined
  readonly subjects: Subjects
  readonly tickets: Tickets
  readonly report: Report
  readonly hasConsent: HasConsent
  readonly warn: Warn
}

/** Makes a part, given what it needs of the pieces. */
export type MakePart = (core: Core) => Part

/** Puts the pieces together, and has the parts add to them. */
export function createCore(app: Koa, settings: Settings, makers: readonly MakePart[]): Core {
  const { secrets, maxAge, maxIdle, maxSubjects, maxGuestBytes, report, clock } = settings
  const tickets = new Tickets(new SigningKeys(secrets, 'ticket'), maxAge)
  const cookieKeys = new SigningKeys(secrets, 'cookie')
  const remote: Remote = {}
  const epochs = new Epochs(settings, remote)
  const cookie = new LiveCookie(app, cookieKeys, settings.cookie, clock, (verified) => epochs.isCurrent(verified))
  const dispatch = new Dispatch({ tickets, epochs, settings })
  const rooms = new Rooms(new SigningKeys(secrets, 'room'))
  const onDrop = (): void => cookie.forgetComparisons()
  const subjects = new Subjects({ max: maxSubjects, maxIdle, clock, onDrop }, maxGuestBytes, rooms)
  const warn = createWarn(clock)
  const announcements = new Announcements(warn)
  const sessions = new Sessions({ announcements, subjects, dispatch, remote, epochs, settings })
  const freshness = new Freshness({ sessions, subjects, epochs, settings })
  const login = new Login({ sessions, settings })
  const identities = new Identities({ sessions, freshness, login, epochs, settings }, cookieKeys)
  const connections = new Connections()
  const departures = new Departures(connections, epochs)
  const limits = new Limits(settings.limits, maxSubjects, clock)
  const owners: NameOwner[] = []
  const surroundings = { connections, remote, epochs, owners, sessions, settings, subjects, warn }
  const store = settings.store && new StoreSync(settings.store, surroundings)
  if (store) remote.store = store
  const parts: Part[] = []
  const members: CookieMember[] = []
  const cookieMembers = new CookieMembers(members)
  const pieces = {
    announcements,
    connections,
    cookie,
    cookieMembers,
    departures,
    disagreements: new Disagreements(warn),
    dispatch,
    remote,
    epochs,
    freshness,
    identities,
    limits,
    login,
    owners,
    parts,
    rooms,
    sessions,
    store,
    subjects,
    tickets,
  }
  const core = { app, settings, ...pieces, report, hasConsent: createConsent(settings), warn }
  parts.push(...makers.map((make) => make(core)))
  owners.push(...parts.flatMap(({ names }) => names ?? []))
  members.push(...parts.flatMap(({ cookie }) => cookie ?? []))
  return core
}
