import { afterEach, describe, expect, it } from '@jest/globals'
import { cookieFor, memoryStore } from 'koa-live-session/testing'
import { App } from '../support/app/app.js'
import { account, pages } from '../support/app/auth.js'
import { Bus } from '../support/app/bus.js'
import { startCluster } from '../support/app/cluster.js'
import { liveOnly } from '../support/app/departures.js'
import { Gate } from '../support/app/gate.js'
import { readClaims } from '../support/app/socket.js'
import { set, values } from '../support/app/users.js'
import { Visitor } from '../support/app/visitor.js'
import { createLocalStorage } from '../support/page/local-storage.js'
import { FaultProxy } from '../support/servers/fault-proxy.js'

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

describe.each(STORES)('threat 9: another node after a sign-out, %s', (_title, options) => {
  /** Ann's browser at the first node, her socket at the second. */
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

  it.each(ENDS)('closes the socket and refuses its return: %s', async (path) => {
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

  it.each(ENDS)('treats the replayed cookie as a stranger\u2019s: %s', async (path) => {
    const { one, two, ann, old } = await start()
    await ann.fetch(path)
    const thief = two.visitor(liveOnly(old))
    expect((await thief.fetch('/set?values={"division":66,"theme":"light"}')).status).toBe(409)
    expect(await values(thief)).toMatchObject({ division: -1, theme: 'light', cart: [] })
    expect((await thief.fetch('/set?values={"division":66,"theme":"light"}')).status).toBe(200)
    expect((await one.live.user('ann')).get('division')).toBe(3)
    expect((await two.live.user('ann')).get('division')).toBe(3)
  })

  it.each(ENDS)('refuses queued tickets: %s', async (path) => {
    const { one, two, ann, text } = await start()
    await ann.fetch(path)
    for (const node of [one, two]) {
      const late = node.visitor(ann.cookie)
      expect((await late.store({ tickets: [text] })).status).toBe(403)
      expect(await values(late)).toMatchObject({ division: -1 })
    }
  })

  it.each(ENDS)('restores nothing by a late response: %s', async (path) => {
    const { one, two, ann, old } = await start()
    const late = two.visitor(old)
    await set(late, { division: 4, theme: 'dark' })
    await ann.fetch(path)
    const again = one.visitor(late.cookie)
    await again.store()
    const { division, cart } = await values(one.visitor(liveOnly(again.cookie)))
    expect([division, cart]).toEqual([-1, []])
  })
})

describe('threat 9: another node during a slow sign-out', () => {
  it('disconnects sockets of the app\u2019s session alone at its end', async () => {
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

describe.each([
  ['joined by an adapter', true],
  ['joined by the store alone', false],
])('threat 31: localStorage of a former user at another node, %s', (_title, isJoined) => {
  /** One browser behind a balancer that can move to the other node. */
  async function start(isJoined: boolean) {
    const store = memoryStore()
    const { one, two, bus } = await startCluster(() => ({ store }), pages)
    bus.isCut = !isJoined
    let node = one
    const balancer = await FaultProxy.start(() => node.port)
    const visitor = new Visitor(balancer.url)
    ends.push(
      async () => visitor.leave(),
      () => balancer.stop(),
    )
    return {
      store,
      balancer,
      visitor,
      moveToTwo: () => {
        node = two
      },
    }
  }

  const ends: (() => Promise<void>)[] = []
  const storage = createLocalStorage()

  /** Gives the process the globals of a page. */
  function pretendToBeBrowser(): void {
    const globals = {
      document: { querySelectorAll: () => [] },
      location: new URL('http://localhost/'),
      localStorage: storage,
    }
    for (const [name, value] of Object.entries(globals)) {
      const before = Object.getOwnPropertyDescriptor(globalThis, name)
      Object.defineProperty(globalThis, name, { value, configurable: true })
      ends.push(async () => {
        if (before) Object.defineProperty(globalThis, name, before)
        else Reflect.deleteProperty(globalThis, name)
      })
    }
  }

  afterEach(async () => {
    for (const end of ends.splice(0)) await end()
    for (const name of Object.keys(storage)) storage.removeItem(name)
  })

  /** Returns the tickets' changes and the drafts in localStorage. */
  function stored(): string[] {
    return Object.keys(storage).flatMap((name) => {
      const [, tickets, drafts]: readonly [string, string[], [string, ...unknown[]][]] = JSON.parse(
        storage.getItem(name) ?? '',
      )
      const held = tickets.flatMap((ticket) =>
        readClaims(ticket).changes.map(([key, , value]) => `ticket ${key} ${value}`),
      )
      return [...held, ...drafts.map((draft) => `draft ${draft[0]} ${draft.at(-1)}`)]
    })
  }

  const BOB = '/login/now?user=bob'

  it.each([
    ['a rendered page', [BOB], '/page'],
    ['a static page', [BOB], undefined],
    ['a rendered page after a sign-out', ['/logout/leave', BOB], '/page'],
    ['a static page after a sign-out', ['/logout/leave', BOB], undefined],
  ] as const)('is deleted, neither shown nor posted: %s', async (_kind, paths, path) => {
    pretendToBeBrowser()
    const { store, balancer, visitor, moveToTwo } = await start(isJoined)
    await visitor.fetch('/login/now?user=ann')
    const anns = await visitor.open({ path: '/page' })
    await anns.connected()
    await anns.live.set('division', 1001)
    // One ticket is not POSTed yet, and one draft not sent.
    const mend = anns.cutPosts()
    void anns.live.set('cart', ['of ann']).catch(() => undefined)
    await anns.shows('cart', ['of ann'])
    await anns.reaches('cart', 'offline')
    anns.socket.disconnect()
    void anns.live.set('division', 1002).catch(() => undefined)
    anns.close()
    mend()
    expect(stored()).toEqual(['ticket cart of ann', 'ticket division 1001', 'draft division 1002'])

    moveToTwo()
    for (const signIn of paths) await visitor.fetch(signIn)
    const { length } = balancer.posts
    const options = path === undefined ? {} : { path }
    const bobs = await visitor.open(options)
    const shown: unknown[] = []
    for (const key of ['division', 'cart'] as const) bobs.live.subscribe(key, (value) => shown.push(value))
    await bobs.live.ready
    await bobs.live.set('theme', 'dark')
    await bobs.live.set('cart', ['of bob'])
    expect(stored()).toEqual(['ticket cart of bob'])
    expect(JSON.stringify(shown)).not.toMatch(/100|of ann/)
    const posts = balancer.posts.slice(length)
    const brought = posts.flatMap(({ tickets = [] }) => tickets.flatMap((ticket) => readClaims(ticket).changes))
    expect(brought.length).toBeGreaterThan(0)
    const values = [...brought, ...posts.flatMap(({ set = [] }) => set)].map((change) => change.at(-1))
    expect(JSON.stringify(values)).not.toMatch(/100|of ann/)
    expect((await store.load('user:s:bob')).map(({ key, value }) => [key, value])).toEqual([['cart', ['of bob']]])
    const rows = await store.load('user:s:ann')
    expect(rows.map(({ key, value }) => [key, value])).toEqual([
      ['division', 1001],
      ['cart', ['of ann']],
    ])
  })
})

describe('threat 95: two apps with one adapter', () => {
  const [FORMER, NEW, OTHER] = ['former', 'new', 'other'].map((name) => `${name} secret of at least thirty-two bytes`)

  async function start(...secrets: (readonly (string | undefined)[])[]): Promise<App[]> {
    const bus = new Bus()
    return Promise.all(
      secrets.map(async (keys) => {
        const app = await App.start({ keys: keys.map(String), options: { identify: () => 'ann' } as never })
        bus.join(app.io)
        return app
      }),
    )
  }
  const warningsOf = ({ warnings }: App): readonly string[] => warnings.filter((text) => text.includes('another app'))
  const divisionOf = async ({ live }: App): Promise<unknown> => (await live.user('ann')).get('division')

  it('ignore each other\u2019s messages, with one warning', async () => {
    const [one, two] = (await start([NEW], [OTHER])) as [App, App]
    await (await two.live.user('ann')).set('division', 3)
    const socket = await two.visitor(cookieFor(two.live, { userId: 'ann' })).connect()
    for (const division of [66, 67]) await (await one.live.user('ann')).set('division', division)
    await one.live.revoke('ann')
    expect(await divisionOf(two)).toBe(3)
    expect(await socket.change('division', 4)).toHaveProperty('stamp')
    const text =
      'koa-live-session: ignored a live_session:merge message of another app, whose secrets this process does not have. Processes of ' +
      'one app share their secrets; give each app a prefix of its own in the adapter: node_modules/koa-live-session/docs/scaling.md#adapters'
    // Both apps log to this console.
    expect(warningsOf(two)).toEqual([text, text])
  })

  it('are one app while its secrets rotate', async () => {
    const [one, two] = (await start([FORMER], [NEW, FORMER])) as [App, App]
    await (await one.live.user('ann')).set('division', 3)
    expect(await divisionOf(two)).toBe(3)
    await (await two.live.user('ann')).set('division', 4)
    expect(await divisionOf(one)).toBe(4)
    expect([...warningsOf(one), ...warningsOf(two)]).toEqual([])
  })
})
