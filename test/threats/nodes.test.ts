import { describe, expect, it } from '@jest/globals'
import { memoryStore } from 'koa-live-session/testing'
import { account } from '../support/auth.js'
import { startCluster } from '../support/cluster.js'
import { liveOnly } from '../support/departures.js'
import { Gate } from '../support/gate.js'
import { set, values } from '../support/users.js'

const ENDS = ['/logout/leave', '/logout/now', '/login/now?user=bob'] as const
const STORES = [
  ['without a store', () => ({})],
  [
    'with a store',
    () => {
      const store = memoryStore()
      return { store }
    },
  ],
] as const

describe.each(STORES)('threat 9: after logout at one node, %s', (_title, options) => {
  /** ann's browser at the first node, and what it had then. */
  async function start() {
    const given = options()
    const { one, two, bus } = await startCluster(() => given)
    const ann = one.visitor()
    await ann.fetch('/login/now?user=ann')
    await set(ann, { division: 3, theme: 'dark', cart: ['a'] })
    const socket = await two.visitor(ann.cookie).connect()
    const { text } = await socket.ticket()
    return { one, two, bus, ann, old: ann.cookie, socket, text }
  }

  it.each(ENDS)('%s: the old socket at another node is closed, and does not come back', async (path) => {
    const { two, ann, old, socket } = await start()
    await ann.fetch(path)
    await socket.closed
    await expect(
      two
        .visitor(old)
        .connect()
        .then((late) => late.closed),
    ).rejects.toThrow()
  })

  it.each(ENDS)('%s: a cookie replayed at another node is a stranger\u2019s', async (path) => {
    const { one, two, ann, old } = await start()
    await ann.fetch(path)
    const thief = two.visitor(liveOnly(old))
    expect((await thief.fetch('/set?values={"division":66,"theme":"light"}')).status).toBe(409)
    expect(await values(thief)).toMatchObject({ division: -1, theme: 'light', cart: [] })
    expect((await thief.fetch('/set?values={"division":66,"theme":"light"}')).status).toBe(200)
    expect((await one.live.user('ann')).get('division')).toBe(3)
    expect((await two.live.user('ann')).get('division')).toBe(3)
  })

  it.each(ENDS)('%s: a queued ticket brings nothing back at any node', async (path) => {
    const { one, two, ann, text } = await start()
    await ann.fetch(path)
    for (const node of [one, two]) {
      const late = node.visitor(ann.cookie)
      expect((await late.store({ tickets: [text] })).status).toBe(403)
      expect(await values(late)).toMatchObject({ division: -1 })
    }
  })

  it.each(ENDS)('%s: an answer of another node that comes late brings nothing back', async (path) => {
    const { one, two, ann, old } = await start()
    // It left before the logout, and comes to the browser after it.
    const late = two.visitor(old)
    await set(late, { division: 4, theme: 'dark' })
    await ann.fetch(path)
    const again = one.visitor(late.cookie)
    await again.store()
    const { division, cart } = await values(one.visitor(liveOnly(again.cookie)))
    expect([division, cart]).toEqual([-1, []])
  })
})

describe('threat 9: while the answer to a logout is on its way from one node', () => {
  it('a socket that the browser opens at another one, by the app\u2019s session alone, ends when the answer is out', async () => {
    const gate = new Gate()
    const { one, two } = await startCluster(undefined, async (ctx, next) => {
      await account(ctx, next)
      if (ctx.path === '/logout/leave') await gate.pass()
    })
    const ann = one.visitor()
    await ann.fetch('/login/now?user=ann')
    const appOnly = ann.cookie.split('; ').filter((pair) => pair.startsWith('app'))
    const leaving = ann.fetch('/logout/leave')
    await gate.entered
    const socket = await two.visitor(appOnly.join('; ')).connect()
    gate.open()
    await leaving
    const change = socket.change('division', 66).then(() => 'taken')
    expect(await Promise.race([socket.closed, change])).not.toBe('taken')
    expect((await two.live.user('ann')).get('division')).toBe(-1)
  })
})
