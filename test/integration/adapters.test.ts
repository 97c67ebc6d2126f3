import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { type Nodes, REDIS_ADAPTERS, startNodes, startWorkers } from '../support/app/adapters.js'
import { set, values } from '../support/app/users.js'
import { Visitor } from '../support/app/visitor.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'
import { RedisServer } from '../support/servers/redis.js'

const visitors: Visitor[] = []
afterEach(() => {
  for (const visitor of visitors.splice(0)) visitor.leave()
})

function visit(url: string | undefined, cookie?: string): Visitor {
  const visitor = new Visitor(url ?? '', cookie)
  visitors.push(visitor)
  return visitor
}

let users = 0

/** Signs a new user in at the first node. */
async function signIn(url: string | undefined): Promise<{ readonly user: string; readonly browser: Visitor }> {
  users += 1
  const user = `user-${users}`
  const browser = visit(url)
  await browser.fetch(`/login/now?user=${user}`)
  return { user, browser }
}

/** Asks a node to act on a user's values: see `startNodeApp`. */
async function ask(url: string | undefined, act: string, query: Record<string, string>): Promise<unknown> {
  return (await fetch(`${url}/node/${act}?${new URLSearchParams(query)}`)).json()
}

function nodesContract(nodes: () => Nodes): void {
  const here = (): string | undefined => nodes().urls[0]
  const there = (): string | undefined => nodes().urls[1]

  it('send a change to the other node in one message', async () => {
    const { user, browser } = await signIn(here())
    const other = await visit(there(), browser.cookie).connect()
    for (const _ of [1, 2]) await other.ticket()
    const heard = ask(there(), 'until', { user, key: 'division', value: '4' })
    const socket = await browser.connect()
    const { stamp } = await socket.change('division', 4)
    expect((await other.ticket()).claims.changes).toEqual([['division', stamp, 4]])
    expect(await heard).toMatchObject({ source: 'node' })
    // Messages arrive in order, so the last arrives after all earlier messages.
    await ask(here(), 'set', { user: `${user}-last`, key: 'division', value: '1' })
    await ask(there(), 'until', { user: `${user}-last`, key: 'division', value: '1' })
    const merges = (await ask(there(), 'merges', { user, key: 'any' })) as unknown[][]
    const name = `user:s:${user}`
    expect(merges.filter(([each]) => each === name)).toEqual([
      [name, [['division', stamp, 4]], null, [expect.stringMatching(/^[\w-]{8}$/)]],
    ])
  })

  it('show a change at the other node before any cookie has it', async () => {
    const { user, browser } = await signIn(here())
    const heard = ask(there(), 'until', { user, key: 'division', value: '4' })
    const socket = await browser.connect()
    await socket.change('division', 4)
    await heard
    expect(await values(visit(there(), browser.cookie))).toMatchObject({ division: 4 })
  })

  it('send every JSON value, and deletions', async () => {
    const { user } = await signIn(here())
    const odd = ['\u2028</script>\ud83d\ude00\u0000', { a: [null, { b: '' }], '\u00e9': [[]] }, [null]]
    for (const value of [null, '', 0, false, ...odd]) {
      const wanted = { user, key: 'any', value: JSON.stringify(value) }
      const heard = ask(there(), 'until', wanted)
      await ask(here(), 'set', wanted)
      await heard
      expect(await ask(there(), 'get', wanted)).toEqual({ has: true, value })
    }
    const heard = ask(there(), 'until', { user, key: 'any', value: '"nothing"' })
    await ask(here(), 'set', { user, key: 'any' })
    await heard
    expect(await ask(there(), 'get', { user, key: 'any' })).toEqual({ has: false, value: 'nothing' })
  })

  it.each(['revoke', 'erase'])("end a user's sockets at the other node: %s", async (act) => {
    const { user, browser } = await signIn(here())
    await set(browser, { division: 4 })
    const elsewhere = visit(there(), browser.cookie)
    const socket = await elsewhere.connect()
    const { text } = await socket.ticket()
    await ask(here(), act, { user, key: 'any' })
    await socket.closed
    // With the app's own session, the log would say that the session has not ended.
    const pairs = elsewhere.cookie.split('; ').filter((pair) => !pair.startsWith('app'))
    const signedOut = visit(there(), pairs.join('; '))
    expect((await signedOut.store({ tickets: [text] })).status).toBe(403)
    const kept = await ask(there(), 'get', { user, key: 'division' })
    expect(kept).toEqual(act === 'erase' ? { has: false, value: -1 } : { has: true, value: 4 })
  })

  it.each(['/logout/leave', '/logout/now', '/login/now?user=bob'])(
    "end a browser's sockets at the other node: %s",
    async (path) => {
      const { browser } = await signIn(here())
      const elsewhere = visit(there(), browser.cookie)
      const socket = await elsewhere.connect()
      await browser.fetch(path)
      await socket.closed
      const before = elsewhere.cookie
      await elsewhere.store()
      expect(elsewhere.cookie).not.toBe(before)
    },
  )
}

describeWithServer(REDIS, 'nodes on one Redis', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await RedisServer.start()
  })
  afterAll(() => redis.stop())

  describe.each(Object.entries(REDIS_ADAPTERS))('with %s', (_name, adapterAt) => {
    let nodes: Nodes
    beforeAll(async () => {
      nodes = await startNodes(adapterAt(redis.path))
    })
    afterAll(() => nodes.stop())
    nodesContract(() => nodes)
  })

  it.each(Object.entries(REDIS_ADAPTERS))(
    'keep accepting writes in an outage, and broadcast again afterwards: %s',
    async (_name, adapterAt) => {
      const own = await RedisServer.start()
      const { urls, stop } = await startNodes(adapterAt(own.path))
      await own.kill()
      const wanted = { user: 'ann', key: 'division', value: '1' }
      for (let count = 0; count < 20; count += 1) expect(await ask(urls[0], 'set', wanted)).toMatchObject({ value: 1 })
      await own.start()
      let isHeard = false
      const heard = ask(urls[1], 'until', { ...wanted, value: '2' }).then(() => {
        isHeard = true
      })
      while (!isHeard) await ask(urls[0], 'set', { ...wanted, value: '2' })
      await heard
      await stop()
      await own.stop()
    },
  )

  it('ignore apps with another prefix', async () => {
    const kinds = Object.entries(REDIS_ADAPTERS)
    const apps = await Promise.all(kinds.map(([, adapterAt], at) => startNodes(adapterAt(redis.path, `app-${at}`))))
    for (const [at, { urls }] of apps.entries()) {
      const wanted = { user: 'ann', key: 'any', value: String(at) }
      await ask(urls[0], 'set', wanted)
      await ask(urls[1], 'until', wanted)
    }
    const found = await Promise.all(apps.map(({ urls }) => ask(urls[1], 'get', { user: 'ann', key: 'any' })))
    expect(found).toEqual(apps.map((_, at) => ({ has: true, value: at })))
    await Promise.all(apps.map((app) => app.stop()))
  })
})

describe('workers of a cluster', () => {
  let nodes: Nodes
  beforeAll(async () => {
    nodes = await startWorkers()
  })
  afterAll(() => nodes.stop())
  nodesContract(() => nodes)
})
