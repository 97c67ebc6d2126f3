import type Koa from 'koa'
import type { Settings } from '../options.js'
import { Connections } from './connections/connections.js'
import { Departures } from './connections/departures.js'
import { Comparisons } from './cookie/comparison.js'
import { LiveCookie } from './cookie/cookie.js'
import { type CookieMember, CookieMembers } from './cookie/cookie-members.js'
import type { VerifiedCookie } from './cookie/cookie-text.js'
import { Freshness } from './cookie/freshness.js'
import { SigningKeys } from './cookie/keys.js'
import { Announcements } from './memory/announcements.js'
import { GuestBytes } from './memory/guest-bytes.js'
import { Subjects } from './memory/subjects.js'
import { Disagreements } from './names/disagreements.js'
import { Epochs } from './names/epochs.js'
import { Identities } from './names/identities.js'
import { Login } from './names/login.js'
import type { Remote } from './remote/remote.js'
import { StoreSync } from './remote/store-sync.js'
import { createWarn, type Report, type Warn } from './report.js'
import { createConsent, type HasConsent } from './requests/consent.js'
import { Limits } from './requests/limits.js'
import type { NameOwner, Part } from './seams.js'
import { Dispatch } from './values/dispatch.js'
import { Sessions } from './values/sessions.js'
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
  readonly guestBytes: GuestBytes
  readonly identities: Identities
  readonly limits: Limits
  readonly login: Login
  /** The owners of names that are not subjects. */
  readonly owners: readonly NameOwner[]
  readonly parts: readonly Part[]
  readonly sessions: Sessions
  readonly store: StoreSync | undefined
  readonly subjects: Subjects
  readonly tickets: Tickets
  readonly report: Report
  readonly hasConsent: HasConsent
  readonly warn: Warn
}

/** A function that creates a part from the pieces it needs. */
export type MakePart = (core: Core) => Part

/** Puts the pieces together, then adds the parts. */
export function createCore(app: Koa, settings: Settings, makers: readonly MakePart[]): Core {
  const { secrets, maxAge, maxIdle, maxSubjects, maxGuestBytes, report, clock } = settings
  const guestBytes = new GuestBytes(maxGuestBytes)
  const tickets = new Tickets(new SigningKeys(secrets, 'ticket'), maxAge)
  const cookieKeys = new SigningKeys(secrets, 'cookie')
  const remote: Remote = {}
  const comparisons = new Comparisons()
  const { drop, dropAll } = comparisons
  const epochs = new Epochs({ ...settings, guestBytes }, remote, drop)
  const isCurrent = (verified: VerifiedCookie): boolean => epochs.isCurrent(verified)
  const warn = createWarn(clock)
  const cookie = new LiveCookie(app, cookieKeys, settings.cookie, {
    clock,
    isCurrent,
    onForget: dropAll,
    warn,
    guestBytes,
  })
  const dispatch = new Dispatch({ tickets, epochs, settings })
  const bounds = { max: maxSubjects, maxIdle, clock, guestBytes }
  const isInCookie = (key: string): boolean => settings.fields.get(key)?.inCookie === true
  const subjects = new Subjects({ ...bounds, isInCookie, onChange: drop, onDrop: dropAll })
  const announcements = new Announcements(warn)
  const sessions = new Sessions({ announcements, subjects, dispatch, remote, epochs, settings })
  const freshness = new Freshness({ comparisons, sessions, subjects, epochs, settings })
  const login = new Login({ sessions, settings })
  const identities = new Identities({ cookie, sessions, subjects, freshness, login, epochs, settings }, cookieKeys)
  const connections = new Connections()
  const departures = new Departures(connections, epochs)
  const limits = new Limits(settings.limits, maxSubjects, clock)
  const owners: NameOwner[] = []
  const surroundings = { connections, guestBytes, remote, epochs, owners, sessions, settings, subjects, warn }
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
    guestBytes,
    identities,
    limits,
    login,
    owners,
    parts,
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
