import { describe, expect, it, jest } from '@jest/globals'
import { emptyCache, memoryStore } from 'koa-live-session/testing'
import type { Store } from '../../server/types/store.js'
import { outcome } from '../support/app/bounded.js'
import { Bus } from '../support/app/bus.js'
import { fastTime } from '../support/app/fast-time.js'
import { HeldStore } from '../support/app/held-store.js'
import type { TestSocket } from '../support/app/socket.js'
import { startWithUsers } from '../support/app/users.js'
import { turn, within } from '../support/app/within.js'
import { withoutTime } from '../support/app/without-time.js'
import type { Page } from '../support/page/page.js'
import { nodes, valuesAt } from './stored-values.js'

fastTime(10)

const ANN = { identify: () => 'ann' } as const

/** Answers the store's calls until a call of this kind comes. */
async function asked(store: HeldStore, act: string): Promise<HeldStore['next']> {
  for (;;) {
    const call = [...store.open].find((each) => each.act === act)
    if (call) return call
    for (const each of [...store.open]) await each.answer()
    await turn()
  }
}

describe('while the store is slow', () => {
  it('stores values from requests and sockets once the store answers', async () => {
    const { store, start } = nodes(new HeldStore(), { ...ANN, storeTimeout: 20 })
    const app = await start()
    const visitor = app.visitor()
    expect(await valuesAt(visitor, '/set?division=1')).toMatchObject({ level: 'memory', division: 1 })
    const socket = await visitor.connect()
    expect(await socket.change('division', 2)).toMatchObject({ level: 'memory' })
    await within(
      async () => {
        for (const call of [...store.open]) await call.answer()
        return store.content.load('user:s:ann')
      },
      (rows) => rows.some(({ value }) => value === 2),
    )
    expect((await store.content.load('user:s:ann')).map(({ key, value }) => [key, value])).toEqual([['division', 2]])
  })

  it('rejects an update after ten seconds, but keeps a set', async () => {
    const { store, start } = nodes(new HeldStore(), { ...ANN, storeTimeout: 250 })
    const app = await start()
    const user = app.live.user('ann')
    await (await asked(store, 'load')).answer()
    const ann = await user
    await withoutTime(async () => {
      let code: unknown
      const refused = ann
        .update('visits', (count) => count + 1)
        .catch((error) => {
          code = error.code
        })
      const set = ann.set('division', 3)
      await jest.advanceTimersByTimeAsync(9999)
      expect(code).toBeUndefined()
      expect(await set).toMatchObject({ level: 'memory' })
      await jest.advanceTimersByTimeAsync(1000)
      await refused
      expect(code).toBe('store_unavailable')
      expect([ann.get('visits'), ann.get('division')]).toEqual([0, 3])
    })
    await store.release()
  })
})

describe('while the store is down', () => {
  it('continues from memory and cookies, reports once, and stores afterwards', async () => {
    const { start, store } = nodes(memoryStore())
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/set?division=1')
    store.fail(Number.POSITIVE_INFINITY)
    for (const division of [2, 3, 4]) {
      const answer = await valuesAt(visitor, `/set?division=${division}&secret="${division}"`)
      expect(answer).toMatchObject({ level: 'memory', division, secret: String(division) })
    }
    expect(app.errors).toMatchObject([{ code: 'store_unavailable' }])
    store.fail(0)
    await app.live.settled()
    const other = (await start()).visitor(visitor.cookie)
    expect(await valuesAt(other)).toMatchObject({ division: 4, draft: '', secret: '4' })
  })

  it('keeps pending writes even if memory is emptied', async () => {
    const store = memoryStore()
    const { start } = nodes(store, { ...ANN, storeTimeout: 20 }, new Bus())
    const [app, other] = [await start(), await start()]
    store.fail(Number.POSITIVE_INFINITY)
    await app.visitor().fetch('/set?secret="x"')
    emptyCache(app.live)
    await other.visitor().fetch('/set?division=4')
    const found = await valuesAt(app.visitor())
    store.fail(0)
    expect(found).toMatchObject({ division: 4, secret: 'x' })
  })

  it('acknowledges a set with level memory; an update waits', async () => {
    const { store, start } = nodes(memoryStore(), { ...ANN, storeTimeout: 20 })
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/count')
    const socket = await visitor.connect()
    store.fail(Number.POSITIVE_INFINITY)
    expect(await socket.change('division', 2)).toMatchObject({ level: 'memory' })
    const counted = [valuesAt(visitor, '/count'), valuesAt(visitor, '/count')]
    expect(await valuesAt(visitor)).toMatchObject({ visits: 1 })
    store.fail(0)
    const answers = await Promise.all(counted)
    expect(answers.map(({ level, visits }) => `${visits} in ${level}`).toSorted()).toEqual(['2 in store', '3 in store'])
    expect(await valuesAt((await start()).visitor(), '/count')).toMatchObject({ visits: 4, division: 2 })
  })

  it('postpones an update until the user is loaded', async () => {
    const { store, start } = nodes(memoryStore(), ANN)
    await (await (await start()).live.user('ann')).set('visits', 41)
    const app = await start()
    store.fail(Number.POSITIVE_INFINITY)
    const ann = await app.live.user('ann')
    expect(ann.loaded).toBe(false)
    const updated = ann.update('visits', (count) => count + 1)
    store.fail(0)
    expect(await updated).toMatchObject({ level: 'store' })
    expect(ann.get('visits')).toBe(42)
  })

  it('signs in and out; former cookies stay invalid after a restart', async () => {
    const store = memoryStore()
    const app = await startWithUsers({ options: { store } })
    const visitor = app.visitor()
    await visitor.fetch('/set?values=%7B%22division%22:1%7D')
    const guest = visitor.cookie
    store.fail(Number.POSITIVE_INFINITY)
    expect(await valuesAt(visitor, '/login/now?user=ann')).toMatchObject({ division: 1 })
    const user = visitor.cookie
    expect(await valuesAt(visitor, '/logout/leave')).toMatchObject({ division: -1 })
    store.fail(0)
    await app.live.settled()
    await app.stop()
    const restarted = await startWithUsers({ options: { store } })
    for (const cookie of [guest, user]) {
      const late = restarted.visitor(cookie)
      expect((await (await late.ask()).json()).persisted).toEqual([])
    }
  })

  it('stores an erasure after recovery; no erased value returns', async () => {
    const { store, start } = nodes(memoryStore(), ANN)
    const app = await start()
    const visitor = app.visitor()
    await visitor.fetch('/set?division=1&secret="x"')
    const { cookie } = visitor
    store.fail(Number.POSITIVE_INFINITY)
    await app.live.erase('ann')
    store.fail(0)
    await app.live.settled()
    await app.stop()
    const late = (await start()).visitor(cookie)
    expect(await valuesAt(late)).toMatchObject({ division: -1, secret: '' })
  })
})

describe('a killed node', () => {
  it('leaves its broadcast writes for another node to store', async () => {
    const { store, start, clock } = nodes(memoryStore(), { ...ANN, storeRefresh: 1000 }, new Bus())
    const refusing = { ...store, merge: () => Promise.reject(new Error('not from here')) }
    const [one, two] = [await start({ options: { store: refusing, storeTimeout: 20 } }), await start()]
    const [here, there] = [await one.live.user('ann'), await two.live.user('ann')]
    await here.set('secret', 'x')
    await one.stop({ isCrash: true })
    expect(there.get('secret')).toBe('x')
    clock.advance(1000)
    await two.live.user('ann')
    const stored = await within(
      () => store.load('user:s:ann'),
      ({ length }) => length > 0,
    )
    expect(stored).toMatchObject([{ key: 'secret', value: 'x' }])
  })
})

describe('an erasure', () => {
  it('is not undone by an earlier load', async () => {
    const { store, start } = nodes(new HeldStore(), { ...ANN, storeTimeout: 20 })
    await store.content.merge('user:s:ann', [{ key: 'secret', stamp: 5, value: 'x' }])
    const app = await start()
    const user = app.live.user('ann')
    const rows = await store.content.load('user:s:ann')
    const load = await asked(store, 'load')
    await app.live.erase('ann')
    Object.assign(store.content, { load: async () => rows })
    await load.answer()
    expect((await user).get('secret')).toBe('')
    await store.release()
  })

  it('is not undone by a node that stores an old value late', async () => {
    const { store, start, clock } = nodes(memoryStore(), { ...ANN, storeRefresh: 1000 })
    const app = await start()
    const ann = await app.live.user('ann')
    await ann.set('secret', 'x')
    const before = clock.now()
    clock.advance(10)
    await app.live.erase('ann')
    await store.merge('user:s:ann', [{ key: 'secret', stamp: before, value: 'x' }])
    emptyCache(app.live)
    clock.advance(1000)
    expect((await app.live.user('ann')).get('secret')).toBe('')
    await app.live.settled()
    expect((await store.load('user:s:ann')).filter(({ value }) => value === 'x')).toEqual([])
  })
})

describe('close()', () => {
  it('waits at most ten seconds, and reports unconfirmed writes', async () => {
    const { start, store } = nodes(new HeldStore(), { ...ANN, storeTimeout: 250 })
    const app = await start()
    await withoutTime(async () => {
      const user = app.live.user('ann')
      await jest.advanceTimersByTimeAsync(250)
      const written = (await user).set('secret', 'x')
      await jest.advanceTimersByTimeAsync(250)
      await written
      let isClosed = false
      const closed = app.live.close().then(() => {
        isClosed = true
      })
      await jest.advanceTimersByTimeAsync(9999)
      expect(isClosed).toBe(false)
      await jest.advanceTimersByTimeAsync(1)
      await closed
      expect(app.errors.at(-1)).toMatchObject({ code: 'store_unavailable' })
      expect(String(app.errors.at(-1))).toMatch('1 visitor')
      const { length } = store.calls
      await jest.advanceTimersByTimeAsync(10 * 60_000)
      expect(store.calls.length).toBe(length)
    })
  })

  it('ends settled(), although a write was not stored', async () => {
    const { store, start } = nodes(memoryStore(), ANN)
    const app = await start()
    const ann = await app.live.user('ann')
    store.fail(Number.POSITIVE_INFINITY)
    await ann.set('division', 3)
    const settled = app.live.settled()
    await app.live.close()
    await settled
    await app.live.settled()
  })

  it('does not wait for a store that never closes', async () => {
    const { start } = nodes({ ...memoryStore(), close: () => new Promise(() => undefined) } as Store, ANN)
    const app = await start()
    await withoutTime(async () => {
      const closed = app.live.close()
      await jest.advanceTimersByTimeAsync(10_000)
      await closed
    })
  })

  it('rejects a waiting update', async () => {
    const { store, start } = nodes(memoryStore(), ANN)
    const app = await start()
    const ann = await app.live.user('ann')
    store.fail(Number.POSITIVE_INFINITY)
    const refused = expect(ann.update('visits', (count) => count + 1)).rejects.toMatchObject({ code: 'closed' })
    await app.live.close()
    await refused
  })

  it('waits for an update in flight', async () => {
    const { store, start } = nodes(new HeldStore(), ANN)
    const app = await start()
    const user = app.live.user('ann')
    await (await asked(store, 'load')).answer()
    const updated = (await user).update('visits', (count) => count + 1)
    const call = await asked(store, 'compareAndSet')
    let isClosed = false
    const closed = app.live.close().then(() => {
      isClosed = true
    })
    await turn()
    expect(isClosed).toBe(false)
    await call.answer()
    await closed
    expect(await updated).toMatchObject({ level: 'store' })
  })
})

/** Nodes of a user, with an adapter. */
const nodesOfAnn = <S extends Store>(store: S, options = {}) =>
  nodes(store, { identify: () => 'ann', ...options }, new Bus())

/** Sets a draft without a confirmation by the store. */
async function setInVain({ live }: Page, text: string): Promise<void> {
  expect(await outcome(live.set('draft' as never, text as never))).toBe('store_unavailable')
}

/** The drafts in a socket's tickets up to the ticket of its next change. */
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
  it('gets status saved on pages of any node after the next POST', async () => {
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
      expect(answer).toMatchObject({ unsaved: ['draft'], persisted: [] })
    }
    store.fail(0)
    await app.live.settled()
    const answer = await (await visitor.store({})).json()
    expect(answer).toMatchObject({ persisted: [['draft', expect.any(Number)]] })
    expect(answer).not.toHaveProperty('unsaved')
    expect(await draftsIn(socket)).toEqual([])
  })
})

describe('a change resent to another node', () => {
  it('reports level store only after the store confirms', async () => {
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
