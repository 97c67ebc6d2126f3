import { afterEach, expect, it } from '@jest/globals'
import { subjectHash, userSubject } from '../../server/subjects/subject.js'
import { App } from '../support/app/app.js'
import { account, auth, identify } from '../support/app/auth.js'
import { Visitor } from '../support/app/visitor.js'
import { WireTap } from './wire-tap.js'

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

it("threat 128: a user's visitorId reaches no other visitor", async () => {
  const app = await App.start({ before: (koa) => [auth(koa)], options: { identify } as never, routes: account })
  const open = async (user: string) => {
    const tap = await WireTap.start(app.port)
    const visitor = new Visitor(tap.url)
    ends.push(
      () => visitor.leave(),
      () => tap.close(),
    )
    await visitor.fetch(`/login/now?user=${user}`)
    await visitor.store()
    const socket = await visitor.connect()
    await socket.change('division', 1)
    return tap
  }
  const taps = [await open('ann'), await open('bob')]
  const idOf = (user: string): string => subjectHash(userSubject(user, ''))
  const heard = taps.map((tap) => ['ann', 'bob'].map((user) => (tap.plain + tap.decoded).includes(idOf(user))))
  expect(heard).toEqual([
    [true, false],
    [false, true],
  ])
})
