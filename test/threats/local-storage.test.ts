import { afterEach, describe, expect, it } from '@jest/globals'
import { memoryStore } from 'koa-live-session/testing'
import { pages } from '../support/app/auth.js'
import { fastTime } from '../support/app/fast-time.js'
import { readClaims } from '../support/app/socket.js'
import { signedInAs, startWithUsers } from '../support/app/users.js'
import { createLocalStorage } from '../support/page/local-storage.js'

fastTime(10)

const ends: (() => void)[] = []
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
    ends.push(() => {
      if (before) Object.defineProperty(globalThis, name, before)
      else Reflect.deleteProperty(globalThis, name)
    })
  }
}

afterEach(() => {
  for (const end of ends.splice(0)) end()
  for (const name of Object.keys(storage)) storage.removeItem(name)
})

/** Returns the tickets' changes and the pending changes in localStorage. */
function stored(): string[] {
  return Object.keys(storage).flatMap((name) => {
    const [, tickets, pending]: readonly [string, string[], [string, ...unknown[]][]] = JSON.parse(
      storage.getItem(name) ?? '',
    )
    const persisted = tickets.flatMap((ticket) =>
      readClaims(ticket).changes.map(([key, , value]) => `ticket ${key} ${value}`),
    )
    return [...persisted, ...pending.map((change) => `pending ${change[0]} ${change.at(-1)}`)]
  })
}

describe('threat 31: the localStorage of a former user', () => {
  const BOB = '/login/now?user=bob'

  it.each([
    ['a rendered page', [BOB], '/page'],
    ['a static page', [BOB], undefined],
    ['a rendered page after a sign-out', ['/logout/leave', BOB], '/page'],
    ['a static page after a sign-out', ['/logout/leave', BOB], undefined],
  ] as const)('reaches neither the next page nor its POSTs: %s', async (_, signIn, path) => {
    pretendToBeBrowser()
    const store = memoryStore()
    const app = await startWithUsers({ options: { store } as never, routes: pages })
    const visitor = await signedInAs(app)
    const anns = await visitor.open({ path: '/page' })
    await anns.connected()
    await anns.live.set('division', 1001)
    // Leaves a ticket whose POST has failed, and an unsent change.
    const mend = anns.cutPosts()
    void anns.live.set('cart', ['of ann']).catch(() => undefined)
    await anns.shows('cart', ['of ann'])
    await anns.reaches('cart', 'offline')
    anns.socket.disconnect()
    void anns.live.set('division', 1002).catch(() => undefined)
    anns.close()
    mend()
    expect(stored()).toEqual(['ticket cart of ann', 'ticket division 1001', 'pending division 1002'])

    for (const request of signIn) await visitor.fetch(request)
    const bobs = await visitor.open(path === undefined ? {} : { path })
    const shown: unknown[] = []
    for (const key of ['division', 'cart'] as const) bobs.live.subscribe(key, (value) => shown.push(value))
    await bobs.live.ready
    await bobs.live.set('theme', 'dark')
    await bobs.live.set('cart', ['of bob'])
    expect(stored()).toEqual(['ticket cart of bob'])
    expect(JSON.stringify(shown)).not.toMatch(/100|of ann/)
    const brought = bobs.posts.flatMap(({ tickets = [] }) => tickets.flatMap((ticket) => readClaims(ticket).changes))
    expect(brought.length).toBeGreaterThan(0)
    const values = [...brought, ...bobs.posts.flatMap(({ set = [] }) => set)].map((change) => change.at(-1))
    expect(JSON.stringify(values)).not.toMatch(/100|of ann/)
    const rows = async (user: string) => (await store.load(`user:s:${user}`)).map(({ key, value }) => [key, value])
    expect([await rows('bob'), await rows('ann')]).toEqual([
      [['cart', ['of bob']]],
      [
        ['division', 1001],
        ['cart', ['of ann']],
      ],
    ])
  })
})
