import { createHash } from 'node:crypto'
import type { SiteKey } from '../site/page.js'
import type { Departure, Record, Sight, Write } from './record.js'

type Key = 'division' | 'theme' | 'cart'
const KEYS: readonly Key[] = ['division', 'theme', 'cart']
/** The marks of the default values, which a deleted key shows. */
const DEFAULTS: Readonly<globalThis.Record<Key, string>> = { division: '-1', theme: 'light', cart: '' }
/** The expected outcomes of a change; `other_visitor` is expected only after a sign-in or sign-out. */
const OUTCOMES = ['pending', 'saved', 'superseded', 'other_visitor']
const USERS = ['ann', 'bob'].map((user) => createHash('sha256').update(`user:s:${user}`).digest('base64url'))
/** ms by which the clocks of browser and test may differ. */
const TOLERANCE = 20

/** Returns the owner of a page's key: this browser's visitor, or the user. */
function ownerOf(key: SiteKey, [subject = '', who = '']: readonly string[]): string {
  return key === 'theme' ? who : subject
}

/** The final state of a browser of the schedule, after a restart of the server. */
export interface End {
  readonly browser: number
  readonly whose: readonly string[]
  readonly values: globalThis.Record<string, unknown>
}

/** Returns the broken promises: lost or repeated changes, unexpected outcomes, and foreign or missing values. */
export function judge(record: Record, ends: readonly End[]): readonly string[] {
  const writes = record.writes()
  const lost = ends.flatMap((end) => KEYS.flatMap((key) => judgeKey(key, writes, record, end)))
  const added = ends.flatMap((end) => judgeAdded(writes, record, end))
  const odd = writes.filter((write) => isOdd(write, record))
  return [
    ...lost,
    ...added,
    ...odd.map(({ key, text, outcome }) => `${key} ${text} is ${outcome}`),
    ...judgeSights(record),
  ]
}

function isOdd({ outcome, began, ended = Infinity, browser, page }: Write, record: Record): boolean {
  const before = record.pendingRotations.filter(({ began }) => began < ended + TOLERANCE)
  if (outcome === 'other_visitor') return before.length === 0
  if (outcome !== 'cookies_blocked') return !OUTCOMES.includes(outcome)
  const opened = beginOf(page, record)
  const hasSaved = record
    .writes()
    .some((write) => write.page === page && write.outcome === 'saved' && (write.ended ?? Infinity) < began)
  // A guest who leaves clears the cookie that the open page has just requested, so both requests of the page fail. Another departure has
  // this effect only before the page's first save.
  return !before.some(
    (departure) => departure.browser === browser && departure.ended > opened && (departure.isForgotten || !hasSaved),
  )
}

/** The time of a page's first write or sight. */
function beginOf(page: string, record: Record): number {
  const writes = record.writes().flatMap((write) => (write.page === page ? write.began : []))
  const sights = record.sights().flatMap((sight) => (sight.page === page ? sight.at : []))
  return Math.min(...writes, ...sights)
}

/** The final value must come from a write that no later saved write replaced. In another page, later means after the write ended. */
function judgeKey(
  key: Key,
  all: readonly Write[],
  { pendingRotations }: Record,
  { browser, whose, values }: End,
): readonly string[] {
  const since = lastOf(pendingRotations, browser)
  const writes = all.filter(
    (write) => write.key === key && !write.isAdded && ['saved', 'pending'].includes(write.outcome),
  )
  // Without a store, another browser's saved values are certain only in its own cookie.
  const saved = writes.filter(
    (write) =>
      write.outcome === 'saved' &&
      write.browser === browser &&
      ownerOf(key, write.whose) === ownerOf(key, whose) &&
      write.began > since + TOLERANCE,
  )
  if (saved.length === 0) return []
  const isReplaced = (write: Write): boolean =>
    saved.some(({ page, began }) => began > (page === write.page ? write.began : (write.ended ?? Infinity)))
  const allowed = writes.filter((write) => !isReplaced(write))
  const there = marksOf(JSON.stringify(values[key]))
  const isThere = ({ text }: Write): boolean =>
    text === '' ? there.join() === DEFAULTS[key] : marksOf(text).every((mark) => there.includes(mark))
  if (allowed.some(isThere)) return []
  return [
    `${key} is ${JSON.stringify(values[key])} in the end, not one of ${allowed.map(({ text }) => text || 'none')}`,
  ]
}

/** When a browser's subject last changed. Earlier values moved within the server's memory, which a restart loses without a store. */
function lastOf(pendingRotations: readonly Departure[], browser: number): number {
  return pendingRotations.filter((departure) => departure.browser === browser).at(-1)?.ended ?? 0
}

/**
 * Each item of a saved or pending change must be in the cart exactly once, however its page was left. An item may be there twice after a
 * sign-in, as docs/security.md says: a killed server forgets retired browser ids, so the guest's values may join the user's again. A pending
 * item may be lost if the browser had not shown its first cookie, or if the item's page did not know the cart's last change.
 */
function judgeAdded(all: readonly Write[], record: Record, { browser, whose, values }: End): readonly string[] {
  const { kills, pendingRotations } = record
  const there = marksOf(JSON.stringify(values['cart']))
  const since = lastOf(pendingRotations, browser)
  return all.flatMap((write) => {
    const [item = ''] = marksOf(write.text)
    const times = there.filter((one) => one === item).length
    if (!write.isAdded || times === 1) return []
    const mayJoinAgain = pendingRotations.some(({ began }) => kills.some((killed) => began <= killed))
    if (times > 1) return mayJoinAgain ? [] : [`${item} is there twice`]
    const isOurs = write.browser === browser && ownerOf('cart', write.whose) === ownerOf('cart', whose)
    const mayBeLost =
      write.outcome === 'pending' && (!write.isKept || isOvertaken(write, record) || isRestamped(write, record))
    if (!isOurs || mayBeLost || write.began <= since + TOLERANCE || !['saved', 'pending'].includes(write.outcome))
      return []
    return [write.outcome === 'saved' ? `${item} was said to be saved, and is lost` : `${item} is lost`]
  })
}

/**
 * Whether another tab, or an earlier page of this tab, made a change that the write's page had not shown: the server may have received that
 * change first.
 */
function isOvertaken({ key, tab, page, began }: Write, record: Record): boolean {
  const before = record.sights().filter((sight) => sight.page === page && sight.key === key && sight.at <= began)
  const shown = new Set(before.flatMap(({ text }) => marksOf(text)))
  const others = record
    .writes()
    .filter((other) => other.key === key && (other.tab !== tab || (other.page !== page && other.began < began)))
  return others.some(({ text }) => marksOf(text).some((mark) => !shown.has(mark)))
}

/** Whether a killed server may have applied an earlier pending change again, under a later stamp than the write's page knew. */
function isRestamped({ key, page, ended = Infinity }: Write, record: Record): boolean {
  const others = record
    .writes()
    .filter((other) => other.key === key && other.page !== page && other.outcome === 'pending')
  return record.kills.some((killed) => killed <= ended && others.some(({ began }) => began < killed))
}

/** The words of a text; each may be the value of another write, because a sign-in joins carts. */
function marksOf(text: string): readonly string[] {
  return text.match(/[\w-]+/g) ?? []
}

/** Finds shown values of another visitor, and undefined values. */
function judgeSights(record: Record): readonly string[] {
  const { pendingRotations } = record
  const sights = record.sights()
  const written = new Map(
    record.writes().flatMap((write) => marksOf(write.text).map((mark) => [write.key + mark, write])),
  )
  const blanks = sights.filter(({ text }) => text === 'undefined').map(({ key, tab }) => `${tab} has shown no ${key}`)
  const foreign = sights.flatMap((sight) =>
    marksOf(sight.text).flatMap((mark) => {
      const write = written.get(sight.key + mark)
      return write && isForeign(write, sight, { pendingRotations, sights })
        ? [`${sight.tab} has shown ${describe(sight)}, set by ${describe(write)}`]
        : []
    }),
  )
  return [...new Set([...blanks, ...foreign])]
}

export interface Evidence {
  readonly pendingRotations: readonly Departure[]
  readonly sights: readonly Sight[]
}

/** Whether a page showed a value of another visitor. */
export function isForeign(write: Write, sight: Sight, evidence: Evidence): boolean {
  const [theirs, ours] = [ownerOf(write.key, write.whose), ownerOf(sight.key, sight.whose)]
  if (theirs === ours || theirs === '' || ours === '') return false
  if (write.key === 'theme') return write.browser !== sight.browser || !isPassedOn(write, sight, evidence)
  if (isUsers(write)) return true
  // A sign-in takes the guest's values along.
  if (isUsers(sight)) return false
  // Until the browser has shown its cookie, two connections of a page are two guests.
  return write.browser !== sight.browser || write.isTied || isLeft(write, sight, evidence)
}

/** Whether departures explain a sight; a browser-scoped value survives sign-ins and sign-outs until a guest leaves. */
function isPassedOn(write: Write, sight: Sight, { pendingRotations, sights }: Evidence): boolean {
  const since = bornAt(ownerOf(sight.key, sight.whose), sights)
  const between = pendingRotations.filter(
    ({ browser, began }) => browser === sight.browser && began > write.began && began < sight.at,
  )
  return between.length > 0 && !between.some(({ isForgotten, ended }) => isForgotten && ended < since)
}

/** Whether the guest left between the write and the sight. */
function isLeft(write: Write, sight: Sight, { pendingRotations, sights }: Evidence): boolean {
  if (write.page === sight.page && !wasUsers(write, sight, sights)) return false
  const since = bornAt(ownerOf(sight.key, sight.whose), sights)
  // A sign-out cannot know of a page whose browser had no cookie, because nothing tied the page to it.
  return pendingRotations.some(
    ({ browser, began, ended, isOut }) =>
      isOut && browser === sight.browser && began > write.began && ended < since && hadCookie(write, began, sights),
  )
}

const isUsers = ({ whose: [subject = ''] }: { readonly whose: readonly string[] }): boolean => USERS.includes(subject)

/** Whether the page showed a user's values between the write and the sight. */
function wasUsers(write: Write, sight: Sight, sights: readonly Sight[]): boolean {
  const since = sights.filter(({ page, at }) => page === sight.page && at > write.began && at < sight.at)
  return since.some(isUsers)
}

/** Whether any page of the browser knew of a cookie before that time. */
function hadCookie({ browser }: Write, time: number, sights: readonly Sight[]): boolean {
  return sights.some((sight) => sight.browser === browser && sight.at < time && (sight.whose[1] ?? '') !== '')
}

/** When any page first showed a subject. */
function bornAt(subject: string, sights: readonly Sight[]): number {
  const times = sights.flatMap(({ whose, at }) => (whose.includes(subject) ? at : []))
  return Math.min(...times)
}

function describe({ key, text, whose }: Sight | Write): string {
  return `${key} ${text} (${whose.map((one) => one.slice(0, 6))})`
}
