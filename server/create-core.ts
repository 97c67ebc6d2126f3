import type Koa from 'koa'
import { Comparisons } from './cookie/comparison.js'
import { LiveCookie } from './cookie/cookie.js'
import { type CookieMember, CookieMembers } from './cookie/cookie-members.js'
import type { VerifiedCookie } from './cookie/cookie-text.js'
import { Freshness } from './cookie/freshness.js'
import type { UpToCookie } from './cookie/up-to-cookie.js'
import type { Core, MakePart } from './core.js'
import { Connections } from './identity/connections.js'
import { createConsent } from './identity/consent.js'
import { Departures } from './identity/departures.js'
import { Disagreements } from './identity/disagreements.js'
import { Identities } from './identity/identities.js'
import type { UpToVisitors } from './identity/up-to-visitors.js'
import { SigningKeys } from './ids/keys.js'
import type { Subject } from './ids/subject.js'
import type { Part } from './part.js'
import { createWarn } from './settings/report.js'
import type { Settings } from './settings/settings.js'
import { StoreSync } from './store/store-sync.js'
import { Limits } from './sync/limits.js'
import { Announcements } from './values/announcements.js'
import type { NameOwner, Remote } from './values/beyond.js'
import { Dispatch } from './values/dispatch.js'
import { Epochs } from './values/epochs.js'
import { GuestBytes } from './values/guest-bytes.js'
import { Sessions } from './values/sessions.js'
import { Subjects } from './values/subjects.js'
import { Tickets } from './values/ticket.js'
import type { UpToEnds } from './values/up-to-ends.js'
import type { UpToValues } from './values/up-to-values.js'

/** Creates the kernel in dependency order, then its parts. */
export function createCore(app: Koa, settings: Settings, makers: readonly MakePart[]): Core {
  const { secrets, maxAge, maxIdle, maxVisitors, maxGuestBytes, report, clock } = settings
  const comparisons = new Comparisons()
  const { drop, dropAll } = comparisons
  const guestBytes = new GuestBytes(maxGuestBytes)
  const warn = createWarn(clock)
  const isInCookie = (key: string): boolean => settings.fields.get(key)?.inCookie === true
  const bounds = { max: maxVisitors, maxIdle, clock, guestBytes }
  const hearers: ((subject: Subject) => void)[] = [drop]
  const onChange = (subject: Subject): void => {
    for (const hear of hearers) hear(subject)
  }
  const subjects = new Subjects({ ...bounds, isInCookie, onChange, onDrop: dropAll })
  const remote: Remote = {}
  const connections = new Connections()
  const onEnd = (name: string): void => {
    drop(name)
    connections.mark(name, epochs)
  }
  const epochs = new Epochs({ ...settings, guestBytes }, remote, onEnd)
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
  const isCurrent = (cookie: VerifiedCookie): boolean => epochs.standingOf(cookie) === 'current'
  const toCookie = { clock, isCurrent, onForget: dropAll, warn, guestBytes }
  const members: CookieMember[] = []
  const cookies: UpToCookie = {
    ...values,
    cookie: new LiveCookie(app, cookieKeys, settings.cookie, toCookie),
    cookieMembers: new CookieMembers(members),
    freshness: new Freshness(values, comparisons),
  }

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
  const limits = new Limits(settings.limits, maxVisitors, clock)
  const parts: Part[] = []
  const core: Core = { ...visitors, limits, store, parts }
  parts.push(...makers.map((make) => make(core)))
  owners.push(...parts.flatMap(({ names }) => names ?? []))
  members.push(...parts.flatMap(({ cookie }) => cookie ?? []))
  hearers.push(...parts.flatMap(({ changes }) => changes ?? []))
  return core
}
