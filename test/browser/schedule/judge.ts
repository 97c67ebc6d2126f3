import { createHash } from 'node:crypto'
import type { SiteKey } from '../site/page.js'
import type { Departure, Record, Sight, Write } from './record.js'

type Key = 'division' | 'theme' | 'cart'
const KEYS: readonly Key[] = ['division', 'theme', 'cart']
/** The marks of a deleted key's value. */
const DEFAULTS: Readonly<globalThis.Record<Key, string>> = { division: '-1', theme: 'light', cart: '' }
/** The outcomes of a change; the last if its browser has another subject by now. */
const OUTCOMES = ['pending', 'saved', 'superseded', 'other_subject']
const USERS = ['ann', 'bob'].map((user) => createHash('sha256').update(`user:s:${user}`).digest('base64url'))
/** ms by which the clocks of browser and test may differ. */
const TOLERANCE = 20

/** Whose a key of a page is: the visitor's in this browser, or the user's. */
function ownerOf(key: SiteKey, [subject = '', who = '']: readonly string[]): string {
  return key === 'theme' ? who : subject
}

/** A browser of the schedule as it was in the end, in a server that remembers nothing. */
export interface End {
  readonly browser: number
  readonly whose: readonly string[]
  readonly values: globalThis.Record<string, unknown>
}

/** The promises found broken at the end. */
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
  const before = record.departures.filter(({ began }) => began < ended + TOLERANCE)
  if (outcome === 'other_subject') return before.length === 0
  if (outcome !== 'cookies_blocked') return !OUTCOMES.includes(outcome)
  const opened = beginOf(page, record)
  const hasSaved = record
    .writes()
    .some((write) => write.page === page && write.outcome === 'saved' && (write.ended ?? Infinity) < began)
  // A guest who leaves while the page is open has the cookie taken away that it has just asked for: it asks twice in vain. So it does where its
  // visitor signs in as it asks for its very first.
  return !before.some(
    (departure) => departure.browser === browser && departure.ended > opened && (departure.isForgotten || !hasSaved),
  )
}

/** When a page was first heard of. */
function beginOf(page: string, record: Record): number {
  const writes = record.writes().flatMap((write) => (write.page === page ? write.began : []))
  const sights = record.sights().flatMap((sight) => (sight.page === page ? sight.at : []))
  return Math.min(...writes, ...sights)
}

/** Whether a change exists that no saved change followed, in this page or after its end. */
function judgeKey(
  key: Key,
  all: readonly Write[],
  { departures }: Record,
  { browser, whose, values }: End,
): readonly string[] {
  const since = lastOf(departures, browser)
  const writes = all.filter(
    (write) => write.key === key && !write.isAdded && ['saved', 'pending'].includes(write.outcome),
  )
  // Another browser's saved changes of this user are certain only in its own cookie.
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

/** When the subject of a browser last changed: the change transfers the cookie's values. Values of the server's memory are gone without a store. */
function lastOf(departures: readonly Departure[], browser: number): number {
  return departures.filter((departure) => departure.browser === browser).at(-1)?.ended ?? 0
}

/**
 * Whether all added items exist, once each, whatever answer the page got and however the visitor left it. Two exceptions, as in
 * docs/stores-reference.md: an item applied by a server that was killed before it answered may exist twice; items of a closed page may be lost if its
 * browser had not shown its first cookie, or if another tab has changed the key since.
 */
function judgeAdded(
  all: readonly Write[],
  { departures, kills }: Record,
  { browser, whose, values }: End,
): readonly string[] {
  const there = marksOf(JSON.stringify(values['cart']))
  const since = lastOf(departures, browser)
  return all.flatMap((write) => {
    const [item = ''] = marksOf(write.text)
    const times = there.filter((one) => one === item).length
    if (!write.isAdded || times === 1) return []
    const mayBeTwice = kills.some((killed) => write.began <= killed && killed <= (write.ended ?? Infinity) + TOLERANCE)
    if (times > 1) return mayBeTwice ? [] : [`${item} is there twice`]
    const isOurs = write.browser === browser && ownerOf('cart', write.whose) === ownerOf('cart', whose)
    const isOvertaken = all.some(({ key, tab, began }) => key === 'cart' && tab !== write.tab && began > write.began)
    const mayBeLost = write.outcome === 'pending' && (!write.isKept || isOvertaken)
    if (!isOurs || mayBeLost || write.began <= since + TOLERANCE || !['saved', 'pending'].includes(write.outcome))
      return []
    return [write.outcome === 'saved' ? `${item} was said to be saved, and is lost` : `${item} is lost`]
  })
}

/** The values of writes that a text is made of: carts are joined at sign-in. */
function marksOf(text: string): readonly string[] {
  return text.match(/[\w-]+/g) ?? []
}

/** Whether a visitor's value was shown to another visitor. */
function judgeSights(record: Record): readonly string[] {
  const { departures } = record
  const sights = record.sights()
  const written = new Map(
    record.writes().flatMap((write) => marksOf(write.text).map((mark) => [write.key + mark, write])),
  )
  const blanks = sights.filter(({ text }) => text === 'undefined').map(({ key, tab }) => `${tab} has shown no ${key}`)
  const foreign = sights.flatMap((sight) =>
    marksOf(sight.text).flatMap((mark) => {
      const write = written.get(sight.key + mark)
      return write && isForeign(write, sight, { departures, sights })
        ? [`${sight.tab} has shown ${describe(sight)}, set by ${describe(write)}`]
        : []
    }),
  )
  return [...new Set([...blanks, ...foreign])]
}

export interface Evidence {
  readonly departures: readonly Departure[]
  readonly sights: readonly Sight[]
}

/** Whether a visitor's value is shown to another visitor. */
export function isForeign(write: Write, sight: Sight, evidence: Evidence): boolean {
  const [theirs, ours] = [ownerOf(write.key, write.whose), ownerOf(sight.key, sight.whose)]
  if (theirs === ours || theirs === '' || ours === '') return false
  if (write.key === 'theme') return write.browser !== sight.browser || !isPassedOn(write, sight, evidence)
  if (isUsers(write)) return true
  // A guest's values transfer at the sign-in.
  if (isUsers(sight)) return false
  // Until their browser has shown its cookie, two connections are two guests, but one page.
  return write.browser !== sight.browser || write.isTied || isLeft(write, sight, evidence)
}

/** The browser's own values transfer at a sign-in and at a sign-out, until a guest leaves; and to no other id. */
function isPassedOn(write: Write, sight: Sight, { departures, sights }: Evidence): boolean {
  const since = bornAt(ownerOf(sight.key, sight.whose), sights)
  const between = departures.filter(
    ({ browser, began }) => browser === sight.browser && began > write.began && began < sight.at,
  )
  return between.length > 0 && !between.some(({ isForgotten, ended }) => isForgotten && ended < since)
}

/** Whether a guest without a cookie has left since, and the browser is another's. */
function isLeft(write: Write, sight: Sight, { departures, sights }: Evidence): boolean {
  if (write.page === sight.page && !wasUsers(write, sight, sights)) return false
  const since = bornAt(ownerOf(sight.key, sight.whose), sights)
  // Of a page that nothing tied to its browser, as that had no cookie when the guest left, no sign-out can know.
  return departures.some(
    ({ browser, began, ended, isOut }) =>
      isOut && browser === sight.browser && began > write.began && ended < since && hadCookie(write, began, sights),
  )
}

const isUsers = ({ whose: [subject = ''] }: { readonly whose: readonly string[] }): boolean => USERS.includes(subject)

/** Whether the page was a user's between these two. */
function wasUsers(write: Write, sight: Sight, sights: readonly Sight[]): boolean {
  const since = sights.filter(({ page, at }) => page === sight.page && at > write.began && at < sight.at)
  return since.some(isUsers)
}

/** Whether any page of the browser knew of a cookie before that time. */
function hadCookie({ browser }: Write, time: number, sights: readonly Sight[]): boolean {
  return sights.some((sight) => sight.browser === browser && sight.at < time && (sight.whose[1] ?? '') !== '')
}

/** When a subject was first seen in any page. */
function bornAt(subject: string, sights: readonly Sight[]): number {
  const times = sights.flatMap(({ whose, at }) => (whose.includes(subject) ? at : []))
  return Math.min(...times)
}

function describe({ key, text, whose }: Sight | Write): string {
  return `${key} ${text} (${whose.map((one) => one.slice(0, 6))})`
}
