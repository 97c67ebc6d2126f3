import type Koa from 'koa'
import type { Settings } from '../options.js'
import { createWarn } from '../report.js'
import { Comparisons } from './cookie/comparison.js'
import { LiveCookie } from './cookie/cookie.js'
import { type CookieMember, CookieMembers } from './cookie/cookie-members.js'
import type { VerifiedCookie } from './cookie/cookie-text.js'
import { Freshness } from './cookie/freshness.js'
import type { UpToCookie } from './cookie/up-to-cookie.js'
import type { NameOwner, Remote } from './ends/beyond.js'
import { Epochs } from './ends/epochs.js'
import type { UpToEnds } from './ends/up-to-ends.js'
import { Limits } from './exchange/limits.js'
import { Announcements } from './memory/announcements.js'
import { GuestBytes } from './memory/guest-bytes.js'
import { Subjects } from './memory/subjects.js'
import { SigningKeys } from './names/keys.js'
import type { Subject } from './names/subject.js'
import { StoreSync } from './remote/store-sync.js'
import type { Core, MakePart } from './seams/core.js'
import type { Part } from './seams/part.js'
import { Dispatch } from './values/dispatch.js'
import { Sessions } from './values/sessions.js'
import { Tickets } from './values/ticket.js'
import type { UpToValues } from './values/up-to-values.js'
import { Connections } from './visitors/connections.js'
import { createConsent } from './visitors/consent.js'
import { Departures } from './visitors/departures.js'
import { Disagreements } from './visitors/disagreements.js'
import { Identities } from './visitors/identities.js'
import type { UpToVisitors } from './visitors/up-to-visitors.js'

/** Creates the kernel in dependency order, then its parts. */
export function createCore(app: Koa, settings: Settings, makers: readonly MakePart[]): Core {
  const { secrets, maxAge, maxIdle, maxSubjects, maxGuestBytes, report, clock } = settings
  const comparisons = new Comparisons()
  const { drop, dropAll } = comparisons
  const guestBytes = new GuestBytes(maxGuestBytes)
  const warn = createWarn(clock)
  const isInCookie = (key: string): boolean => settings.fields.get(key)?.inCookie === true
  const bounds = { max: maxSubjects, maxIdle, clock, guestBytes }
  const hearers: ((subject: Subject) => void)[] = [drop]
  const onChange = (subject: Subject): void => {
    for (const hear of hearers) hear(subject)
  }
  const subjects = new Subjects({ ...bounds, isInCookie, onChange, onDrop: dropAll })
  const remote: Remote = {}
  const epochs = new Epochs({ ...settings, guestBytes }, remote, drop)
  const owners: NameOwner[] = []
  const announcements = new Announcements(warn)
  const ends: UpToEnds = {
    app,
    announcements,
    epochs,
    guestBytes,
    owners,
    remote,
    report,
    settings,
    subjects,
    warn,
  }

  const tickets = new Tickets(new SigningKeys(secrets, 'ticket'), maxAge)
  const dispatch = new Dispatch({ ...ends, tickets })
  const values: UpToValues = { ...ends, tickets, dispatch, sessions: new Sessions({ ...ends, dispatch }) }

  const cookieKeys = new SigningKeys(secrets, 'cookie')
  const isCurrent = (verified: VerifiedCookie): boolean => epochs.isCurrent(verified)
  const toCookie = { clock, isCurrent, onForget: dropAll, warn, guestBytes }
  const members: CookieMember[] = []
  const cookies: UpToCookie = {
    ...values,
    cookie: new LiveCookie(app, cookieKeys, settings.cookie, toCookie),
    cookieMembers: new CookieMembers(members),
    freshness: new Freshness(values, comparisons),
  }

  const connections = new Connections()
  const visitors: UpToVisitors = {
    ...cookies,
    connections,
    departures: new Departures(connections, epochs),
    disagreements: new Disagreements(warn),
    hasConsent: createConsent(settings),
    identities: new Identities(cookies, cookieKeys),
  }

  const store = settings.store && new StoreSync(settings.store, visitors)
  if (store) remote.store = store
  const limits = new Limits(settings.limits, maxSubjects, clock)
  const parts: Part[] = []
  const core: Core = { ...visitors, limits, store, parts }
  parts.push(...makers.map((make) => make(core)))
  owners.push(...parts.flatMap(({ names }) => names ?? []))
  members.push(...parts.flatMap(({ cookie }) => cookie ?? []))
  hearers.push(...parts.flatMap(({ changes }) => changes ?? []))
  return core
}
