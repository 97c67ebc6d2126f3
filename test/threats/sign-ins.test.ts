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
    await socket.set(['theme', -1, 'dark'])
    expect(await values(attacker)).toMatchObject({ theme: 'light' })
  })

  it('shows the user nothing of what the planted cookie says', async () => {
    const app = await startWithUsers()
    const { victim } = await signIn(app)
    const page = await victim.open()
    await page.connected()
    await page.live.set('cart', ['x'])
    expect(page.live.get('role')).toBe('guest')
  })

  it('does not leave the socket of a visitor to itself whose id a user takes over', async () => {
    const app = await startWithUsers({ store: new AuthStore() })
    const visitor = app.visitor()
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.set(['division', -1, 1])
    const { text } = await socket.ticket()
    await visitor.fetch('/login?user=ann')
    await visitor.store({ tickets: [text] })
    const change = socket.set(['division', -1, 2])
    expect(await Promise.race([socket.closed, change])).toBe('transport close')
  })
})

describe('an id that a user takes over from a socket of before', () => {
  it('loses nothing of what was chosen as a guest, whichever ticket comes first', async () => {
    const app = await startWithUsers()
    const visitor = app.visitor()
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.set(['division', -1, 3])
    await socket.set(['cart', -1, ['a']])
    const tickets = [(await socket.ticket()).text, (await socket.ticket()).text]
    socket.io.disconnect()
    await visitor.fetch('/login?user=ann&unused')
    for (const text of tickets) expect((await visitor.store({ tickets: [text] })).status).toBe(200)
    expect(await values(visitor)).toMatchObject({ division: 3, cart: ['a'] })
  })
})
