import type Koa from 'koa'
import { AppSessions } from './app-session/app-sessions.js'
import { sessionPart } from './app-session/session-part.js'
import { createConsent, type HasConsent } from './consent.js'
import { flashPart } from './flash/flash.js'
import { handOffPart } from './hand-off/hand-off.js'
import { LiveCookie } from './http/cookie.js'
import { CookieMembers } from './http/cookie-members.js'
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
  readonly appSessions: AppSessions
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

/** Puts kernel and parts together. */
export function createCore(app: Koa, settings: Settings): Core {
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
  const appSessions = new AppSessions({ announcements, remote, sessions, settings })
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
  const parts = [
    flashPart({ connections, settings, store }),
    handOffPart({ cookie, identities, settings, store, warn }),
    sessionPart({ appSessions, report, settings, warn }),
  ]
  owners.push(...parts.flatMap(({ names }) => names ?? []))
  const pieces = {
    announcements,
    appSessions,
    connections,
    cookie,
    cookieMembers: new CookieMembers(parts.flatMap(({ cookie }) => cookie ?? [])),
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
  return { app, settings, ...pieces, report, hasConsent: createConsent(settings), warn }
}
