import { describe, expect, it } from '@jest/globals'
import { memoryStore } from 'koa-live-session/testing'
import type { Store } from '../../server/stores/store.js'
import { outcome } from '../support/app/bounded.js'
import { Bus } from '../support/app/bus.js'
import { HeldStore } from '../support/app/held-store.js'
import type { TestSocket } from '../support/app/socket.js'
import { turn } from '../support/app/within.js'
import type { Page } from '../support/page/page.js'
import { nodes } from './stored-values.js'

/** Nodes of one user with an adapter. */
const nodesOfAnn = <S extends Store>(store: S, options = {}) =>
  nodes(store, { identify: () => 'ann', ...options }, new Bus())

/** Sets a draft, which the store does not confirm. */
async function setInVain({ live }: Page, text: string): Promise<void> {
  expect(await outcome(live.set('draft' as never, text as never))).toBe('store_unavailable')
}

/** The drafts in a socket's tickets until its next change is acknowledged. */
async function draftsIn(socket: TestSocket): Promise<unknown[]> {
  const before = await socket.change('division', 9)
  const all: unknown[] = []
  for (;;) {
    const { changes } = (await socket.ticket()).claims
    all.push(...changes.filter(([key]) => key !== 'division').map(([key, , value]) => [key, value]))
    if (changes.some(([key, stamp]) => key === 'division' && 'stamp' in before && stamp === before.stamp)) return all
  }
}

describe('a field outside the cookie, set while the store is down', () => {
  it('is saved on each page with the next POST, at any node', async () => {
    const { store, start } = nodesOfAnn(memoryStore())
    const [one, two] = [await start(), await start()]
    const pages = await Promise.all([one, two].map((app) => app.visitor().open({ path: '/page' })))
    await Promise.all(pages.map((page) => page.connected()))
    store.fail(Number.POSITIVE_INFINITY)
    const rejected = pages.map((page) => page.reaches('draft' as never, 'rejected'))
    const [page] = pages
    if (page) await setInVain(page, 'x')
    await Promise.all(rejected)
    store.fail(0)
    for (const { live } of [one, two]) await live.settled()
    for (const { live } of pages) await live.flush()
    for (const { live } of pages) expect(live.status('draft' as never)).toMatchObject({ status: 'saved' })
  })

  it('is reported unsaved, then held once stored, without another ticket', async () => {
    const { store, start } = nodesOfAnn(memoryStore(), { storeTimeout: 20 })
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/')
    const socket = await visitor.connect()
    for (const _ of (await socket.greeted).greeting ?? []) await socket.ticket()
    store.fail(Number.POSITIVE_INFINITY)
    await visitor.fetch('/set?secret="x"')
    for (const text of ['x', 'y']) {
      await socket.change('draft', text)
      const { text: ticket } = await socket.ticket()
      const answer = await (await visitor.store({ tickets: [ticket] })).json()
      expect(answer).toMatchObject({ unsaved: ['draft'], held: [] })
    }
    store.fail(0)
    await app.live.settled()
    const answer = await (await visitor.store({})).json()
    expect(answer).toMatchObject({ held: [['draft', expect.any(Number)]] })
    expect(answer).not.toHaveProperty('unsaved')
    expect(await draftsIn(socket)).toEqual([])
  })
})

describe('a change resent to another node', () => {
  it('is acknowledged as stored only once the store has it', async () => {
    const { store, start } = nodesOfAnn(new HeldStore())
    const answer = async (act: string): Promise<void> => {
      for (const call of [...store.open]) if (call.act === act) await call.answer()
    }
    const connect = async (): Promise<TestSocket> => {
      const visitor = (await start()).visitor()
      const socket = visitor.connect()
      while (store.open.size === 0) await turn()
      await answer('load')
      return socket
    }
    const [one, two] = [await connect(), await connect()]
    await two.ticket()
    void one.change('division', 5)
    await two.ticket()
    let isAnswered = false
    const again = two.set(['division', 0, '', 5]).finally(() => {
      isAnswered = true
    })
    while (!isAnswered && [...store.open].filter(({ act }) => act === 'merge').length < 2) await turn()
    expect(isAnswered).toBe(false)
    await answer('merge')
    expect(await again).toMatchObject({ results: [{ level: 'store' }] })
    expect(await store.content.load('user:s:ann')).toMatchObject([{ key: 'division', value: 5 }])
  })
})
