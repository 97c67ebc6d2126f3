import { expect, it } from '@jest/globals'
import { testClock } from 'koa-live-session/testing'
import { UserEpochs } from '../../../server/identity/user-epochs.js'
import { subjectHash, userSubject } from '../../../server/subjects/subject.js'

const ann = userSubject('ann')

it('accepts() rejects an ended generation, even with a current epoch', () => {
  const { now } = testClock()
  const revocations = new UserEpochs({ maxAge: 1000, clock: now }, () => undefined)
  revocations.startGeneration(ann, 5)
  const accepted = [0, 4, 5, 6].filter((generation) =>
    revocations.accepts(subjectHash(ann), { epoch: now(), generation }),
  )
  expect(accepted).toEqual([5, 6])
})
