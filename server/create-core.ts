import type Koa from 'koa'
import { LiveCookie } from './cookie/cookie.js'
import type { CookieCore } from './cookie/cookie-core.js'
import { type CookieMember, CookieMembers } from './cookie/cookie-members.js'
import { CookieMemos } from './cookie/cookie-memo.js'
import { CookieSync } from './cookie/cookie-sync.js'
import type { VerifiedCookie } from './cookie/cookie-text.js'
import type { Core, MakeFeature } from './core.js'
import type { Feature } from './feature.js'
import { Connections } from './identity/connections.js'
import { createConsent } from './identity/consent.js'
import { HandshakeMismatches } from './identity/handshake-mismatches.js'
import { Identities } from './identity/identities.js'
import type { IdentityCore } from './identity/identity-core.js'
import { Retirements } from './identity/retirements.js'
import { SigningKeys } from './ids/keys.js'
import type { Subject } from './ids/subject.js'
import { createWarn } from './settings/report.js'
import type { Settings } from './settings/settings.js'
import { StoreSync } from './store/store-sync.js'
import { Limits } from './sync/limits.js'
import type { BaseCore } from './values/base-core.js'
import { Epochs } from './values/epochs.js'
import { GuestBytes } from './values/guest-bytes.js'
import { Notifications } from './values/notifications.js'
import { PageTickets } from './values/page-tickets.js'
import type { NameHandler, Remote } from './values/remote.js'
import { Subjects } from './values/subjects.js'
import { Tickets } from './values/ticket.js'
import { Values } from './values/values.js'
import type { ValuesCore } from './values/values-core.js'

/** Creates the core in dependency order, then its features. */
export function createCore(app: Koa, settings: Settings, makers: readonly MakeFeature[]): Core {
  const { secrets, maxAge, maxIdle, maxVisitors, maxGuestBytes, report, clock } = settings
  const memos = new CookieMemos()
  const { drop, dropAll } = memos
  const guestBytes = new GuestBytes(maxGuestBytes)
  const warn = createWarn(clock)
  const isInCookie = (key: string): boolean => settings.fields.get(key)?.inCookie === true
  const bounds = { max: maxVisitors, maxIdle, clock, guestBytes }
  const changeListeners: ((subject: Subject) => void)[] = [drop]
  const onChange = (subject: Subject): void => {
    for (const listener of changeListeners) listener(subject)
  }
  const subjects = new Subjects({ ...bounds, isInCookie, onChange, onDrop: dropAll })
  const remote: Remote = {}
  const connections = new Connections()
  const onEnd = (name: string): void => {
    drop(name)
    connections.mark(name, epochs)
  }
  const epochs = new Epochs({ ...settings, guestBytes }, remote, onEnd)
  const nameHandlers: NameHandler[] = []
  const notifications = new Notifications(warn)
  const base: BaseCore = {
    app,
    notifications,
    epochs,
    guestBytes,
    nameHandlers,
    remote,
    report,
    settings,
    subjects,
    warn,
  }

  const tickets = new Tickets(new SigningKeys(secrets, 'ticket'), maxAge)
  const pageTickets = new PageTickets({ ...base, tickets })
  const values: ValuesCore = { ...base, tickets, pageTickets, values: new Values({ ...base, pageTickets }) }

  const cookieKeys = new SigningKeys(secrets, 'cookie')
  const isCurrent = (cookie: VerifiedCookie): boolean => epochs.standingOf(cookie) === 'current'
  const cookieDeps = { clock, isCurrent, onDrop: dropAll, warn, guestBytes }
  const members: CookieMember[] = []
  const cookies: CookieCore = {
    ...values,
    cookie: new LiveCookie(app, cookieKeys, settings.cookie, cookieDeps),
    cookieMembers: new CookieMembers(members),
    cookieSync: new CookieSync(values, memos),
  }

  const visitors: IdentityCore = {
    ...cookies,
    connections,
    retirements: new Retirements(connections, epochs),
    handshakeMismatches: new HandshakeMismatches(warn),
    hasConsent: createConsent(settings),
    identities: new Identities(cookies, cookieKeys),
  }

  const store = settings.store && new StoreSync(settings.store, visitors)
  if (store) remote.store = store
  const limits = new Limits(settings.limits, maxVisitors, clock)
  const features: Feature[] = []
  const core: Core = { ...visitors, limits, store, features }
  features.push(...makers.map((make) => make(core)))
  // The features need the core, so the core was created with these lists still empty.
  nameHandlers.push(...features.flatMap(({ names }) => names ?? []))
  members.push(...features.flatMap(({ cookie }) => cookie ?? []))
  changeListeners.push(...features.flatMap(({ changes }) => changes ?? []))
  return core
}
