// What names a visitor, and what dates a write: none of it is taken for the other, nor any text or number for one of them.
import type { Inspection, Snapshot, SyncAnswer, Written } from 'koa-live-session'
import {
  type BrowserId,
  browserSubject,
  cookieless,
  newBrowserId,
  subjectHash,
  type UserSubject,
  userIdOf,
  userSubject,
} from '../../../server/kernel/names/subject.js'
import { Visitor } from '../../../server/kernel/names/visitor.js'
import type { StoredRegister, WireRegister } from '../../../shared/register.js'
import { isPast, isStamp, LOGIN_STAMP, NEVER, newestOf, nextStamp, type Stamp } from '../../../shared/stamp.js'
import { isSub, type Sub } from '../../../shared/sub.js'

const takes = <T>(_: T): void => undefined

const now = Date.now()
const text: string = 'ann'
const browser = newBrowserId()
const ann = userSubject('ann')

// Servers issue stamps, or verify them; a stamp is a number.
const stamp = nextStamp(now, NEVER)
const number: number = newestOf([stamp, LOGIN_STAMP])
takes<StoredRegister>({ key: 'division', stamp, value: 3 })
if (isStamp(number)) takes<WireRegister>(['division', number, 3])
isPast(stamp, 1000, now)
// @ts-expect-error a time
takes<Stamp>(now)
// @ts-expect-error a time, in a register
takes<StoredRegister>({ key: 'division', stamp: now, value: 3 })
// @ts-expect-error a time, on the wire
takes<WireRegister>(['division', now, 3])
// @ts-expect-error a time, where the last stamp is expected
nextStamp(now, now)
// @ts-expect-error the greatest of stamps, which may be of none
takes<Stamp>(Math.max(stamp, NEVER))
// @ts-expect-error a stamp and one
takes<Stamp>(stamp + 1)
// @ts-expect-error what is left of a time, in ms
isPast(1000 - now, stamp, now)
// @ts-expect-error a hash
takes<Stamp>(subjectHash(ann))

// To apps a stamp is a number like any other.
takes<Written>({ stamp: 5, level: 'memory' })
takes<Pick<Inspection, 'stamp'>>({ stamp: 5 })
takes<(answer: SyncAnswer) => number | undefined>(({ results }) => results[0]?.stamp)
takes<Pick<Snapshot<never>, 'stamps'>>({ stamps: { division: 5 } })

// A browser's id, a subject and a subject's hash are made of each other in one way.
const subject = browserSubject(browser)
const sub = subjectHash(subject)
new Visitor(browser, ann)
cookieless(subjectHash(ann))
if (isSub(text)) takes<Sub>(text)
// @ts-expect-error any text
takes<BrowserId>(text)
// @ts-expect-error any text
takes<Sub>(text)
// @ts-expect-error a user's id
takes<UserSubject>(text)
// @ts-expect-error a browser's subject
takes<UserSubject>(subject)
// @ts-expect-error a subject's hash
subjectHash(sub)
// @ts-expect-error a browser's subject
browserSubject(subject)
// @ts-expect-error a subject, where its hash is expected
cookieless(ann)
// @ts-expect-error a subject's hash
new Visitor(browser, sub)
// @ts-expect-error a user's id
new Visitor(browser, text)
// @ts-expect-error a user's id, where the subject is expected
userIdOf(userIdOf(ann))
// @ts-expect-error a browser's subject
userIdOf(subject)
// @ts-expect-error a stamp
takes<Sub>(stamp)
