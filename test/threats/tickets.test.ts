import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { type Changed, change, cookieContent, set, startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

describe('threat 2: a ticket replayed', () => {
  it.each([[[0]], [[2, 1, 0]], [[1, 1, 1, 0, 2, 0, 1]], [Array.from({ length: 50 }, (_, i) => i % 3)]])(
    'changes nothing in the order %p, by POST and by socket',
    async (order) => {
      const app = await startWithUsers()
      const { visitor, socket, ticket } = await change(app)
      await socket.set(['division', -1, '', 8], ['cart', -1, '', ['a']])
      const second = await socket.ticket()
      await socket.change('cart')
      const all = [ticket, second, await socket.ticket()]
      await visitor.store({ tickets: all.map(({ text }) => text) })
      const { r: registers } = cookieContent(visitor)
      const replayed = order.flatMap((i) => all[i] ?? [])
      const answer = await visitor.store({ tickets: replayed.map(({ text }) => text) })
      expect([answer.status, (await answer.json()).results]).toEqual([200, []])
      expect(await socket.sendTickets(...replayed.map(({ text }) => text))).toHaveProperty('results')
      expect(await values(visitor)).toMatchObject({ division: 8, cart: [] })
      expect(cookieContent(visitor).r).toEqual(registers)
    },
  )
})

describe('threat 3: the ticket of another subject', () => {
  const refusal = [403, { error: { code: 'other_subject', index: 0 } }]

  /** Tickets of a user and of the browser, beside nothing else that was ever stored. */
  async function signedIn(visitor: Visitor, user: string): Promise<Changed> {
    await visitor.fetch(`/login/now?user=${user}`)
    const socket = await visitor.connect()
    for (let first = 0; first < 2; first += 1) await socket.ticket()
    await socket.change('division', 7)
    return { visitor, socket, ticket: await socket.ticket() }
  }

  it('is refused to another user, by POST and by socket', async () => {
    const app = await startWithUsers()
    const ann = await signedIn(app.visitor(), 'ann')
    const bob = await signedIn(app.visitor(), 'bob')
    await set(bob.visitor, { division: 2 })
    const { cookie } = bob.visitor
    const answer = await bob.visitor.store({ tickets: [ann.ticket.text] })
    expect([answer.status, await answer.json()]).toMatchObject(refusal)
    expect(await bob.socket.sendTickets(ann.ticket.text)).toEqual({ ok: false, code: 'other_subject', index: 0 })
    expect(bob.visitor.cookie).toBe(cookie)
    expect(await values(bob.visitor)).toMatchObject({ division: 2 })
  })

  it.each(['with a cookie of its own', 'without a cookie'])('is refused to another browser %s', async (which) => {
    const app = await startWithUsers()
    const { ticket } = await change(app)
    const thief = app.visitor(which.startsWith('with ') ? cookieFor(app.live, { values: { division: 2 } }) : undefined)
    const { cookie } = thief
    const before = await values(thief)
    const answer = await thief.store({ tickets: [ticket.text] })
    expect([answer.status, await answer.json()]).toMatchObject(refusal)
    const socket = await thief.connect()
    expect(await socket.sendTickets(ticket.text)).toEqual({ ok: false, code: 'other_subject', index: 0 })
    expect(thief.cookie).toBe(cookie)
    expect(await values(thief)).toEqual(before)
  })

  it('is refused with all that came beside it', async () => {
    const app = await startWithUsers()
    const { ticket } = await change(app)
    const thief = app.visitor(cookieFor(app.live, { values: { division: 2 } }))
    const answer = await thief.store({ tickets: [ticket.text], set: [['division', -1, '', 3]] })
    expect([answer.status, await answer.json()]).toMatchObject(refusal)
    expect(await values(thief)).toMatchObject({ division: 2 })
  })
})

describe('threat 5: a key that is rotated', () => {
  const [OLD, NEW] = ['the old secret, of thirty-two bytes', 'the new secret, of thirty-two bytes']

  it('is accepted in a ticket while it is retired, and refused once it is removed', async () => {
    const before = await startWithUsers({ keys: [OLD] })
    const { visitor, ticket } = await change(before, cookieFor(before.live, {}))
    const fresh = cookieFor(before.live, { browserId: cookieContent(visitor).browser })
    await before.stop()
    const rotated = await startWithUsers({ keys: [NEW, OLD], clock: before.clock })
    const same = rotated.visitor(fresh)
    expect((await same.store({ tickets: [ticket.text] })).status).toBe(200)
    expect(await values(same)).toMatchObject({ division: 7 })
    const removed = await startWithUsers({ keys: [NEW], clock: before.clock })
    const late = removed.visitor(same.cookie)
    const { cookie } = late
    const answer = await late.store({ tickets: [ticket.text] })
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'bad_ticket', index: 0 } }])
    expect(late.cookie).toBe(cookie)
    expect(await values(late)).toMatchObject({ division: 7 })
  })

  it('is accepted in a cookie while it is retired, and the cookie is written whole with the new one', async () => {
    const before = await startWithUsers({ keys: [OLD] })
    const cookie = cookieFor(before.live, { values: { division: 7 } })
    const rotated = await startWithUsers({ keys: [NEW, OLD], clock: before.clock })
    const visitor = rotated.visitor(cookie)
    expect((await (await visitor.connect()).ticket()).claims.changes).toEqual([['division', before.clock.now(), 7]])
    const answer = await visitor.fetch('/')
    expect(await answer.json()).toMatchObject({ division: 7 })
    const written = answer.headers.getSetCookie()
    expect(written.map((text) => text.split('=')[0])).toEqual(['live', 'live.sig'])
    for (const text of written) expect(text).toMatch(/; expires=.*; samesite=lax; httponly$/i)
    expect(cookieContent(visitor).r).toEqual([['division', before.clock.now(), 7]])
    expect((await visitor.fetch('/')).headers.getSetCookie()).toEqual([])
    const removed = await startWithUsers({ keys: [NEW], clock: before.clock })
    expect(await values(removed.visitor(visitor.cookie))).toMatchObject({ division: 7 })
  })

  it('is worth nothing in a cookie once it is removed', async () => {
    const before = await startWithUsers({ keys: [OLD] })
    const removed = await startWithUsers({ keys: [NEW], clock: before.clock })
    const visitor = removed.visitor(cookieFor(before.live, { values: { division: 7 } }))
    expect(await values(visitor)).toMatchObject({ division: -1 })
    expect((await (await visitor.connect()).ticket()).claims.changes).toEqual([])
  })
})
