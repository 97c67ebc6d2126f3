import { expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { userSubject } from '../../server/kernel/names/subject.js'
import { coreOf } from '../../server/plugin.js'
import { App } from '../support/app.js'

it('lets a socket in that teaches a new process its user\u2019s epoch', async () => {
  const options = { identify: () => 'ann' }
  const former = await App.start({ options })
  coreOf(former.live).epochs.revoke(userSubject('ann'))
  const cookie = cookieFor(former.live, { userId: 'ann', values: { division: 1 } })
  const app = await App.start({ options, clock: former.clock })
  const socket = await app.visitor(cookie).connect()
  const ended = socket.closed.then(() => 'ended')
  const answered = socket.change('division', 2).then(({ level }) => level)
  expect(await Promise.race([ended, answered])).toBe('memory')
})
