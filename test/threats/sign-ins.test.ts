import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import type { App } from '../support/app.js'
import { AuthStore } from '../support/auth.js'
import { startWithUsers, values } from '../support/users.js'
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
    await socket.change('theme', 'dark')
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
    }
    expect((await early.greeted).kept).toBeUndefined()
    expect((await late.greeted).kept).toBe(true)
    expect(await values(victim)).toMatchObject({ role: 'guest' })
  })

  it('takes nothing of a socket that a guest has opened without a cookie, though the user brings its tickets', async () => {
    const app = await startWithUsers({ store: new AuthStore() })
    const visitor = app.visitor()
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.set(['division', -1, '', 1], ['theme', -1, '', 'dark'])
    const { text } = await socket.ticket()
    await visitor.fetch('/login?user=ann')
    const answer = await visitor.store({ tickets: [text] })
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'other_subject', index: 0 } }])
    await socket.change('division', 2)
    expect(await values(visitor)).toMatchObject({ division: -1, theme: 'light' })
    expect((await app.live.user('ann')).has('division')).toBe(false)
  })
})
