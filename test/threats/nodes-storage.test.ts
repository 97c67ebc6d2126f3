import { afterEach, describe, expect, it } from '@jest/globals'
import { memoryStore } from 'koa-live-session/testing'
import { pages } from '../support/auth.js'
import { startCluster } from '../support/cluster.js'
import { FaultProxy } from '../support/fault-proxy.js'
import { createLocalStorage } from '../support/local-storage.js'
import { readClaims } from '../support/socket.js'
import { Visitor } from '../support/visitor.js'

/** Pages of one browser, which has a localStorage, behind a balancer that sends all to one node. */
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
const names = ['document', 'localStorage', 'location'] as const
const before = names.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const)

function pretendToBeBrowser(): void {
  const querySelectorAll = (): readonly never[] => []
  Object.defineProperty(globalThis, 'document', { value: { querySelectorAll }, configurable: true })
  Object.defineProperty(globalThis, 'location', { value: new URL('http://localhost/'), configurable: true })
  Object.defineProperty(globalThis, 'localStorage', { value: storage, configurable: true })
}

afterEach(async () => {
  for (const end of ends.splice(0)) await end()
  for (const [name, descriptor] of before) {
    if (descriptor) Object.defineProperty(globalThis, name, descriptor)
    else Reflect.deleteProperty(globalThis, name)
  }
  for (const name of Object.keys(storage)) storage.removeItem(name)
})

/** What is in the localStorage: the changes of tickets that the cookie was not seen with, and of drafts. */
function kept(): string[] {
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

const SIGN_INS: readonly (readonly string[])[] = [['/login/now?user=bob'], ['/logout/leave', '/login/now?user=bob']]

describe.each([
  ['joined by an adapter', true],
  ['joined by the store alone', false],
])('threat 31: what ann has left in a browser at one node, to bob, who signs in at another, %s', (_title, isJoined) => {
  describe.each(SIGN_INS.map((paths) => [paths.join(', '), paths] as const))('by %s', (_paths, paths) => {
    it.each([
      ['rendered', '/page'],
      ['static', undefined],
    ])('is never shown, never posted, and deleted: a %s page', async (_kind, path) => {
      pretendToBeBrowser()
      const { store, balancer, visitor, moveToTwo } = await start(isJoined)
      await visitor.fetch('/login/now?user=ann')
      const anns = await visitor.open({ path: '/page' })
      await anns.connected()
      await anns.live.set('division', 1001)
      // A ticket that no POST has brought, and a draft that no server has seen.
      const mend = anns.cutPosts()
      void anns.live.set('cart', ['of ann']).catch(() => undefined)
      await anns.shows('cart', ['of ann'])
      await anns.reaches('cart', 'offline')
      anns.socket?.disconnect()
      void anns.live.set('division', 1002).catch(() => undefined)
      anns.close()
      mend()
      expect(kept()).toEqual(['ticket cart of ann', 'ticket division 1001', 'draft division 1002'])

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
      expect(kept()).toEqual(['ticket cart of bob'])
      expect(JSON.stringify(shown)).not.toMatch(/100|of ann/)
      const posts = balancer.posts.slice(length)
      const brought = posts.flatMap(({ tickets = [] }) => tickets.flatMap((ticket) => readClaims(ticket).changes))
      expect(brought.length).toBeGreaterThan(0)
      // Of each the key, a stamp, and the value.
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
})
