import { createHash } from 'node:crypto'
import type { SiteKey } from '../site/page.js'
import type { Record, Sight, Write } from './record.js'

const KEYS: readonly SiteKey[] = ['division', 'theme', 'cart']
/** What may become of a change; the last where its browser has another subject by now. */
const OUTCOMES = ['pending', 'saved', 'superseded', 'other_subject']
const USERS = ['ann', 'bob'].map((user) => createHash('sha256').update(`user:s:${user}`).digest('base64url'))
/** ms by which the clocks of browser and test may differ. */
const TOLERANCE = 20

/** Whose a key of a page is: the browser's, or the user's. */
function ownerOf(key: SiteKey, [subject = '', browser = '']: readonly string[]): string {
  return key === 'theme' ? browser : subject
}

/** What the end shows to be broken; `whose` and `values` are those of the end, in a server that remembers nothing. */
export function judge(
  record: Record,
  whose: readonly string[],
  values: globalThis.Record<string, unknown>,
): readonly string[] {
  const writes = record.writes()
  const lost = KEYS.flatMap((key) => judgeKey(key, writes, record, whose, values[key]))
  const isOdd = ({ outcome, ended = Infinity }: Write): boolean =>
    !OUTCOMES.includes(outcome) ||
    (outcome === 'other_subject' && !record.departures.some(({ began }) => began < ended + TOLERANCE))
  const odd = writes.filter(isOdd)
  return [...lost, ...odd.map(({ key, text, outcome }) => `${key} ${text} is ${outcome}`), ...judgeSights(record)]
}

/** Whether there is what no saved change was made after, be it in the same page or after the end of this one. */
function judgeKey(
  key: SiteKey,
  all: readonly Write[],
  { departures }: Record,
  whose: readonly string[],
  value: unknown,
): readonly string[] {
  // A sign-in or sign-out takes along what the cookie had: without a store that was in the server's memory, and is gone.
  const since = departures.at(-1)?.ended ?? 0
  const writes = all.filter((write) => write.key === key && ['saved', 'pending'].includes(write.outcome))
  const saved = writes.filter(
    (write) =>
      write.outcome === 'saved' && ownerOf(key, write.whose) === ownerOf(key, whose) && write.began > since + TOLERANCE,
  )
  if (saved.length === 0) return []
  const isReplaced = (write: Write): boolean =>
    saved.some(({ page, began }) => began > (page === write.page ? write.began : (write.ended ?? Infinity)))
  const allowed = writes.filter((write) => !isReplaced(write))
  const there = marksOf(JSON.stringify(value))
  if (allowed.some(({ text }) => marksOf(text).every((mark) => there.includes(mark)))) return []
  return [`${key} is ${JSON.stringify(value)} in the end, not one of ${allowed.map(({ text }) => text)}`]
}

/** The values of writes that a text is made of: carts are joined at sign-in. */
function marksOf(text: string): readonly string[] {
  return text.match(/[\w-]+/g) ?? []
}

/** Whether anything of one visitor was shown to another. */
function judgeSights(record: Record): readonly string[] {
  const sights = record.sights()
  const written = new Map(
    record.writes().flatMap((write) => marksOf(write.text).map((mark) => [write.key + mark, write])),
  )
  const blanks = sights.filter(({ text }) => text === 'undefined').map(({ key, tab }) => `${tab} has shown no ${key}`)
  const foreign = sights.flatMap((sight) =>
    marksOf(sight.text).flatMap((mark) => {
      const write = written.get(sight.key + mark)
      return write && isForeign(write, sight, record)
        ? [`${sight.tab} has shown ${describe(sight)}, set by ${describe(write)}`]
        : []
    }),
  )
  return [...new Set([...blanks, ...foreign])]
}

function isForeign(write: Write, sight: Sight, record: Record): boolean {
  const [theirs, ours] = [ownerOf(write.key, write.whose), ownerOf(sight.key, sight.whose)]
  if (theirs === ours || theirs === '' || ours === '') return false
  if (USERS.includes(theirs)) return true
  // A page that was a guest's all the time goes on showing what was set in it.
  if (write.page === sight.page && !isUsers(sight) && !wasUsers(write, sight, record)) return false
  // What a guest has chosen goes along at their sign-in, and is another's after the sign-out.
  const since = bornAt(ours, record)
  const isGone = record.departures.some(({ isOut, began, ended }) => isOut && began > write.began && ended < since)
  return !USERS.includes(ours) && isGone
}

const isUsers = ({ whose: [subject = ''] }: Sight): boolean => USERS.includes(subject)

/** Whether the page was a user's between these two. */
function wasUsers(write: Write, sight: Sight, record: Record): boolean {
  const since = record.sights().filter(({ page, at }) => page === sight.page && at > write.began && at < sight.at)
  return since.some(isUsers)
}

/** When a subject was first seen in any page. */
function bornAt(subject: string, record: Record): number {
  const times = record.sights().flatMap(({ whose, at }) => (whose.includes(subject) ? at : []))
  return Math.min(...times)
}

function describe({ key, text, whose }: Sight | Write): string {
  return `${key} ${text} (${whose.map((one) => one.slice(0, 6))})`
}
