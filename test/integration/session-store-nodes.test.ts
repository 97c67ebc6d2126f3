import { describe, expect, it, jest } from '@jest/globals'
import { testClock } from 'koa-live-session/testing'
import { appSessionsOf } from '../support/app/app-sessions.js'
import { Bus } from '../support/app/bus.js'
import { present } from '../support/app/present.js'
import { type Deed, SessionApp, sessionId, signOut } from '../support/app/sessions.js'

const DAY = 24 * 60 * 60 * 1000
/** The ids of the sender's keys. */
const KIDS = [expect.stringMatching(/^[\w-]{8}$/)]

/** Nodes that an adapter connects, and no store. */
async function cluster() {
  const bus = new Bus()
  const clock = testClock()
  const start = async (options: object = {}): Promise<SessionApp> => {
    const sessions = await SessionApp.start({
      clock,
      session: { maxAge: DAY, rolling: true },
      options: options as never,
    })
    bus.join(sessions.app.io)
    return sessions
  }
  return { bus, clock, start, nodes: [await start(), await start()] as const }
}

describe('sessions of nodes that only an adapter connects', () => {
  it('are told of with one message a save, in which nothing opens the session', async () => {
    const { bus, nodes } = await cluster()
    const visitor = await nodes[0].withSession({ user: 'ann' })
    const name = expect.stringMatching(/^session:[\w-]{43}$/)
    const at = expect.any(Number)
    const born = [
      ['.user', at, 'ann'],
      ['$born', at, null],
      ['$maxAge', at, DAY],
      ['$renewed', at, null],
    ]
    expect(bus.messages).toEqual([['live_session:merge', name, born, null, KIDS]])
    expect(JSON.stringify(bus.messages)).not.toContain(sessionId(visitor))
    await nodes[0].write(visitor, { theme: 'dark' })
    expect(bus.messages[1]).toEqual([
      'live_session:merge',
      name,
      [
        ['.theme', at, 'dark'],
        ['$renewed', at, null],
      ],
      null,
      KIDS,
    ])
  })

  it('tell sockets of another node what requests and sockets change', async () => {
    const { nodes } = await cluster()
    const [one, two] = nodes
    const visitor = await one.withSession({ user: 'ann' })
    const [near, far] = [await one.session(visitor), await two.session(two.visitor(visitor.cookie))]
    const told: unknown[] = []
    far.onChange(({ key, value, source }) => told.push([key, value, source]))
    await one.write(visitor, { theme: 'dark' })
    await near.set('cart', ['a'])
    await near.delete('theme')
    expect(told).toEqual([
      ['theme', 'dark', 'node'],
      ['cart', ['a'], 'node'],
      ['theme', undefined, 'node'],
    ])
    await far.set('user', 'bob')
    expect(near.get('user')).toBe('bob')
    expect(await one.read(visitor)).toEqual({ user: 'bob', cart: ['a'] })
  })

  it('are known to each node that has heard of their beginning', async () => {
    const { nodes } = await cluster()
    const visitor = await nodes[0].withSession({ user: 'ann' })
    const elsewhere = nodes[1].visitor(visitor.cookie)
    await Promise.all([nodes[0].write(visitor, { a: 1 }), nodes[1].write(elsewhere, { b: 2 })])
    expect(await nodes[0].read(visitor)).toEqual({ user: 'ann', a: 1, b: 2 })
    expect(await nodes[1].read(elsewhere)).toEqual({ user: 'ann', a: 1, b: 2 })
  })

  it('are unknown to one that came later: it makes no half session of what it hears since', async () => {
    const { nodes, start } = await cluster()
    const visitor = await nodes[0].withSession({ user: 'ann' })
    const late = await start()
    await nodes[0].write(visitor, { theme: 'dark' })
    expect([...appSessionsOf(late.app.live).all()]).toEqual([])
    expect(await late.read(late.visitor(visitor.cookie))).toEqual({})
    expect(await nodes[0].read(visitor)).toEqual({ user: 'ann', theme: 'dark' })
  })

  it('end at each node at once, and no late save of another brings them back', async () => {
    const { nodes } = await cluster()
    const [one, two] = nodes
    const visitor = await one.withSession({ user: 'ann' })
    const elsewhere = two.visitor(visitor.cookie)
    const before = visitor.cookie
    const session = await two.session(elsewhere)
    const cart: Deed = (ctx) => Object.assign(ctx['session'], { cart: ['a'] })
    const late = await two.during(elsewhere, cart, async () => {
      const closed = new Promise((resolve) => {
        for (const { conn } of two.app.io.sockets.sockets.values()) conn.once('close', resolve)
      })
      await one.ask(visitor, signOut)
      expect(session.ended).toBe('destroyed')
      await closed
    })
    expect(late.status).toBe(200)
    for (const node of nodes) expect(await node.read(node.visitor(before))).toEqual({})
  })

  it('close the connections of one that has ended, also where the word is lost that its answer is out', async () => {
    const { bus, nodes } = await cluster()
    const [one, two] = nodes
    const visitor = await one.withSession({ user: 'ann' })
    const session = await two.session(two.visitor(visitor.cookie))
    const [conn] = [...two.app.io.sockets.sockets.values()].map((socket) => socket.conn)
    const closed = new Promise((resolve) => present(conn).once('close', resolve))
    session.onEnd(() => {
      bus.isCut = true
    })
    const timers = jest.spyOn(globalThis, 'setTimeout')
    await one.ask(visitor, signOut)
    const [close] = timers.mock.calls.find(([, ms]) => ms === 30_000) ?? []
    timers.mockRestore()
    expect([session.ended, conn?.readyState]).toEqual(['destroyed', 'open'])
    close?.()
    await closed
  })

  it('stay ended where a message of before comes after the end', async () => {
    const { bus, nodes } = await cluster()
    const [one, two] = nodes
    const visitor = await one.withSession({ user: 'ann' })
    const before = visitor.cookie
    bus.isHeld = true
    await two.write(two.visitor(before), { cart: ['a'] })
    await one.ask(visitor, signOut)
    bus.isHeld = false
    for (const node of nodes) expect(await node.read(node.visitor(before))).toEqual({})
  })

  it('keep what another node has written since one has forgotten them, which still has a request of theirs', async () => {
    const { clock, nodes, start } = await cluster()
    const [, two] = nodes
    const one = await start({ cache: { maxSubjects: 10 } })
    const visitor = await one.withSession({ cart: ['a'], step: 0 })
    const far = await two.session(two.visitor(visitor.cookie))
    const step: Deed = ({ session }) => Object.assign(session, { step: 1 })
    const slow = await one.during(visitor, step, async () => {
      await one.flood()
      await far.set('cart', ['a', 'b'])
      clock.advance(1000)
    })
    expect(slow.status).toBe(200)
    expect(far.values()).toEqual({ cart: ['a', 'b'], step: 1 })
  })

  it('expire at each node by their newest renewal, wherever that was made', async () => {
    const { clock, nodes } = await cluster()
    const [one, two] = nodes
    const visitor = await one.withSession({ user: 'ann' })
    const far = await two.session(two.visitor(visitor.cookie))
    clock.advance(DAY - 1000)
    await one.read(visitor)
    clock.advance(DAY - 1000)
    expect(far.get('user')).toBe('ann')
    const ended = new Promise((resolve) => far.onEnd(resolve))
    clock.advance(60_000)
    expect(await ended).toBe('expired')
  })

  it('are left alone by a node whose app keeps none', async () => {
    const { bus, nodes } = await cluster()
    const other = await SessionApp.start({
      store: { get: async () => undefined, set: async () => undefined, destroy: async () => undefined },
    })
    bus.join(other.app.io)
    await nodes[0].withSession({ user: 'ann' })
    expect(other.app.warnings.filter((line) => !line.includes('not in the cookie'))).toEqual([])
    expect(other.app.errors).toEqual([])
  })

  it('take nothing over of a message that is none', async () => {
    const { bus, nodes } = await cluster()
    const visitor = await nodes[0].withSession({ user: 'ann' })
    const name = bus.messages[0]?.[1]
    const bad: unknown[] = [
      [['.user']],
      [['.user', 'x', 1]],
      [['.user', 1e300, 1]],
      'x',
      [null],
      [['.__proto__', Date.now() * 2, { a: 1 }]],
      [['._maxAge', Date.now() * 2, 1]],
      [['.toJSON', Date.now() * 2, 1]],
      [['$renewed', -1, null]],
    ]
    for (const registers of bad) nodes[1].app.io.serverSideEmit('live_session:merge', name, registers)
    expect(await nodes[0].read(visitor)).toEqual({ user: 'ann' })
    expect(await nodes[1].read(nodes[1].visitor(visitor.cookie))).toEqual({ user: 'ann' })
    expect({}).not.toHaveProperty('a')
  })
})
