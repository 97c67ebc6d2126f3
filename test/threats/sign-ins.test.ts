import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import type { App } from '../support/app.js'
import { AuthStore } from '../support/auth.js'
import { nameOf, startWithUsers, values } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

/** A browser with a planted cookie in which ann has just signed in, and nothing has used its values since. */
async function signIn(app: App): Promise<{ readonly victim: Visitor; readonly attacker: Visitor }> {
  const cookie = cookieFor(app.live, { browserId: 'planted-by-an-attacker', values: { role: 'admin' } })
  const [victim, attacker] = [app.visitor(cookie), app.visitor(cookie)]
  await victim.fetch('/login?user=ann')
  return { victim, attacker }
}

describe('threat 8: login fixation, where the first to come after sign-in is a socket', () => {
  it('puts nothing that the user sets within reach of the planted id', async () => {
    const app = await startWithUsers()
    const { victim, attacker } = await signIn(app)
    const socket = await victim.connect().catch(async () => {
      await victim.store()
      return victim.connect()
    })
    await socket.set(['theme', -1, 'dark'])
    expect(await values(attacker)).toMatchObject({ theme: 'light' })
  })

  it('shows the user nothing of what the planted cookie says', async () => {
    const app = await startWithUsers()
    const { victim } = await signIn(app)
    const early = await victim.connect()
    await victim.store()
    const late = await victim.connect()
    for (const socket of [early, late]) {
      const claims = [(await socket.ticket()).claims, (await socket.ticket()).claims]
      expect(claims.map(({ changes }) => changes)).toEqual([[], []])
      const name = socket === late ? nameOf(victim) : undefined
      expect(claims.map(({ browser }) => browser)).toEqual([name, name])
    }
    expect(await values(victim)).toMatchObject({ role: 'guest' })
  })

  it('takes nothing of a socket that a guest has opened without a cookie, though the user brings its tickets', async () => {
    const app = await startWithUsers({ store: new AuthStore() })
    const visitor = app.visitor()
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.set(['division', -1, 1], ['theme', -1, 'dark'])
    const { text } = await socket.ticket()
    await visitor.fetch('/login?user=ann')
    const answer = await visitor.store({ tickets: [text] })
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'other_subject', index: 0 } }])
    await socket.set(['division', -1, 2])
    expect(await values(visitor)).toMatchObject({ division: -1, theme: 'light' })
    expect((await app.live.user('ann')).has('division')).toBe(false)
  })
})

describe('a sign-in after a restart', () => {
  it.each([[[0, 1]], [[1, 0]]])('loses nothing of what was chosen as a guest: tickets %j', async (order) => {
    const before = await startWithUsers()
    const visitor = before.visitor()
    await visitor.store()
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.set(['division', -1, 3])
    before.clock.advance(1)
    await socket.set(['cart', -1, ['a']])
    const tickets = [(await socket.ticket()).text, (await socket.ticket()).text]
    const app = await startWithUsers({ clock: before.clock })
    const same = app.visitor(visitor.cookie)
    await same.fetch('/login?user=ann')
    for (const index of order) expect((await same.store({ tickets: [tickets[index]] })).status).toBe(200)
    expect(await values(same)).toMatchObject({ division: 3, cart: ['a'] })
  })
})
