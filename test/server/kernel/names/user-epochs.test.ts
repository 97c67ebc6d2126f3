import { expect, it } from '@jest/globals'
import { testClock } from 'koa-live-session/testing'
import { subjectHash, userSubject } from '../../../../server/kernel/names/subject.js'
import { UserEpochs } from '../../../../server/kernel/names/user-epochs.js'

const ann = userSubject('ann')
const HOURS = 3_600_000

it('has a revocation end what is in use, also where a clock that ran ahead has erased the user before', () => {
  const clock = testClock(1_700_000_000_000)
  const epochs = new UserEpochs({ maxAge: 31 * 24 * HOURS, clock: clock.now })
  clock.advance(5 * HOURS)
  epochs.erase(ann, 1, 0)
  clock.advance(-5 * HOURS)
  const inUse = clock.now() - 60_000
  expect(epochs.accepts(subjectHash(ann), inUse)).toBe(true)
  const { epoch } = epochs.begin(ann, 2)
  expect(epochs.accepts(subjectHash(ann), inUse)).toBe(false)
  expect(epoch).toBe(clock.now())
})

it('erases until later than before, whatever clock has dated that', () => {
  const { now } = testClock()
  const epochs = new UserEpochs({ maxAge: 1000, clock: now })
  const erased = now() + 5
  epochs.take(ann, { epoch: now() + 6, erased, heir: undefined }, 1)
  const ending = epochs.erase(ann, 2, 0)
  expect(epochs.erasedUntil(ann)).toBeGreaterThan(erased)
  expect(ending).toMatchObject({ erased: epochs.erasedUntil(ann) })
})
