import { expect, it } from '@jest/globals'
import { testClock } from 'koa-live-session/testing'
import { subjectHash, userSubject } from '../../../server/ids/subject.js'
import { UserEpochs } from '../../../server/values/user-epochs.js'

const ann = userSubject('ann')
const HOURS = 3_600_000

it('a revocation ends current sessions, even after a fast clock', () => {
  const clock = testClock(1_700_000_000_000)
  const epochs = new UserEpochs({ maxAge: 31 * 24 * HOURS, clock: clock.now }, () => undefined)
  clock.advance(5 * HOURS)
  epochs.begin(ann, 1)
  clock.advance(-5 * HOURS)
  const inUse = { epoch: clock.now() - 60_000, generation: 0 }
  expect(epochs.accepts(subjectHash(ann), inUse)).toBe(true)
  epochs.learn(subjectHash(ann), inUse.epoch)
  const { epoch } = epochs.begin(ann, 2)
  expect(epochs.accepts(subjectHash(ann), inUse)).toBe(false)
  expect(epoch).toBe(clock.now())
})

it('accepts() rejects an ended generation, whatever its epoch', () => {
  const { now } = testClock()
  const epochs = new UserEpochs({ maxAge: 1000, clock: now }, () => undefined)
  epochs.startGeneration(ann, 5)
  const accepted = [0, 4, 5, 6].filter((generation) => epochs.accepts(subjectHash(ann), { epoch: now(), generation }))
  expect(accepted).toEqual([5, 6])
})
