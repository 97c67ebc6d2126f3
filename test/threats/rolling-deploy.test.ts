import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields, type Fields } from 'koa-live-session/fields'
import { cookieFor, emptyCache, testClock } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { Bus } from '../support/app/bus.js'
import type { Visitor } from '../support/app/visitor.js'

const shared = {
  division: { schema: z.number().int(), default: -1, client: 'write' },
  cart: { schema: z.array(z.string()), default: [], client: 'write' },
} as const
const text = { schema: z.string(), default: 'none', client: 'write' } as const
const oldFields = defineFields({ ...shared, legacy: text, range: { schema: z.number(), default: -1, client: 'write' } })
const newFields = defineFields({
  ...shared,
  filter: text,
  range: { schema: z.union([z.number(), z.enum(['all'])]), default: -1, client: 'write' },
})

/** Who makes a request is in its header; what it sets or deletes in its query. */
const route: Koa.Middleware = async (ctx) => {
  const { liveSession, query } = ctx
  if (query['set'] !== undefined) await liveSession.setMany(JSON.parse(String(query['set'])))
  if (query['delete'] !== undefined) await liveSession.delete(String(query['delete']))
  ctx.body = JSON.parse(String(query['keys'] ?? '[]')).map((key: string) => [key, liveSession.get(key)])
}

interface Builds {
  readonly old: App<Fields>
  readonly new: App<Fields>
}

/** The same keys and the same clock, as two builds of one app behind one name. */
async function deploy(declared: { readonly old: Fields; readonly new: Fields }, bus?: Bus): Promise<Builds> {
  const clock = testClock()
  const start = async (fields: Fields): Promise<App<Fields>> => {
    const identify = (ctx: Koa.Context): string | undefined => ctx.get('x-user') || undefined
    const app = await App.start<Fields>({
      fields,
      clock,
      routes: route,
      options: { identify },
      attach: { handshake: [] },
    })
    bus?.join(app.io)
    return app
  }
  return { old: await start(declared.old), new: await start(declared.new) }
}

interface Asked {
  readonly user?: string | undefined
  readonly set?: object
  readonly delete?: string
  readonly keys?: readonly string[]
}

/** A request that the balancer gave to that build. */
async function ask(visitor: Visitor, { url }: App<Fields>, asked: Asked): Promise<Record<string, unknown>> {
  const query = new URLSearchParams({ keys: JSON.stringify(asked.keys ?? []) })
  if (asked.set) query.set('set', JSON.stringify(asked.set))
  if (asked.delete !== undefined) query.set('delete', asked.delete)
  const headers: Record<string, string> = asked.user === undefined ? {} : { 'x-user': asked.user }
  const answer = await visitor.fetch(`${url}/?${query}`, { headers })
  expect(answer.status).toBe(200)
  return Object.fromEntries(await answer.json())
}

describe('threat 35: a rolling deploy', () => {
  it('brings each build what the other has written, with nothing but the adapter between them', async () => {
    const builds = await deploy({ old: oldFields, new: newFields }, new Bus())
    const [one, two] = [await builds.old.live.user('ann'), await builds.new.live.user('ann')]
    await two.set('filter' as never, 'boats' as never)
    await two.set('range' as never, 'all' as never)
    await one.set('division' as never, 5 as never)
    expect([one.get('range'), one.get('division'), two.get('division')]).toEqual([-1, 5, 5])
    expect(one.inspect().get('range')?.value).toBe('all')
  })

  it('carries what a guest has brought into an account, which has no date', async () => {
    const builds = await deploy({ old: oldFields, new: newFields })
    const visitor = builds.old.visitor()
    await ask(visitor, builds.new, { set: { filter: 'boats' } })
    expect(await ask(visitor, builds.new, { user: 'ann', keys: ['filter'] })).toEqual({ filter: 'boats' })
    await ask(visitor, builds.old, { user: 'ann', set: { division: 5 } })
    emptyCache(builds.new.live)
    expect(await ask(visitor, builds.new, { user: 'ann', keys: ['filter'] })).toEqual({ filter: 'boats' })
  })

  it('carries a value that the other build cannot read, and does not put its own default there', async () => {
    const builds = await deploy({ old: oldFields, new: newFields })
    const visitor = builds.old.visitor()
    await ask(visitor, builds.new, { set: { range: 'all' } })
    expect(await ask(visitor, builds.old, { keys: ['range'], set: { division: 1 } })).toEqual({ range: -1 })
    emptyCache(builds.new.live)
    expect(await ask(visitor, builds.new, { keys: ['range', 'division'] })).toEqual({ range: 'all', division: 1 })
  })

  it('carries a deletion too: the other build does not bring the value back', async () => {
    const builds = await deploy({ old: oldFields, new: newFields })
    const visitor = builds.old.visitor()
    await ask(visitor, builds.new, { set: { filter: 'x' } })
    await ask(visitor, builds.old, { set: { division: 1 } })
    emptyCache(builds.new.live)
    builds.new.clock.advance(1)
    await ask(visitor, builds.new, { delete: 'filter' })
    await ask(visitor, builds.old, { set: { division: 2 } })
    emptyCache(builds.new.live)
    expect(await ask(visitor, builds.new, { keys: ['filter'] })).toEqual({ filter: 'none' })
  })

  it('carries what a ticket of the other build says, and never tells a browser of it', async () => {
    const builds = await deploy({ old: oldFields, new: newFields })
    const cookie = cookieFor(builds.new.live, {})
    const page = await builds.new.visitor(cookie).connect()
    await page.ticket()
    await page.set(['filter', -1, '', 'x'], ['division', -1, '', 3])
    const { text } = await page.ticket()
    const visitor = builds.old.visitor(cookie)
    expect((await visitor.store({ tickets: [text] })).status).toBe(200)
    const { claims } = await (await visitor.connect()).ticket()
    expect(claims.changes.map(([key]) => key)).toEqual(['division'])
    expect((await (await visitor.store()).json()).held.map(([key]: [string]) => key)).toEqual(['division'])
    emptyCache(builds.new.live)
    expect(await ask(visitor, builds.new, { keys: ['filter', 'division'] })).toEqual({ filter: 'x', division: 3 })
  })

  it('carries what a ticket of the other build says, where the other node has told of it before', async () => {
    const builds = await deploy({ old: oldFields, new: newFields }, new Bus())
    const cookie = cookieFor(builds.new.live, {})
    const page = await builds.new.visitor(cookie).connect()
    await page.ticket()
    await page.change('filter', 'x')
    const { text } = await page.ticket()
    const visitor = builds.old.visitor(cookie)
    expect((await visitor.store({ tickets: [text] })).status).toBe(200)
    emptyCache(builds.new.live)
    expect(await ask(visitor, builds.new, { keys: ['filter'] })).toEqual({ filter: 'x' })
  })

  it('refuses what a page of the other build sets under a key that this one does not know', async () => {
    const builds = await deploy({ old: oldFields, new: newFields })
    const answer = await builds.old.visitor().store({ set: [['filter', -1, '', 'x']] })
    expect([answer.status, await answer.json()]).toMatchObject([200, { results: [{ code: 'undeclared_key' }] }])
  })

  it('keeps what belongs to one browser of a user out of the others, though this build does not know whose it is', async () => {
    const builds = await deploy({
      old: oldFields,
      new: defineFields({ ...shared, theme: { ...text, scope: 'browser' } }),
    })
    const [one, two] = [builds.old.visitor(), builds.old.visitor()]
    const user = 'ann'
    await ask(two, builds.new, { user, set: { theme: 'light' } })
    builds.new.clock.advance(1)
    await ask(one, builds.new, { user, set: { theme: 'dark' } })
    for (const visitor of [one, two]) await ask(visitor, builds.old, { user, set: { division: 1 } })
    emptyCache(builds.new.live)
    const found = []
    for (const visitor of [one, two]) found.push(await ask(visitor, builds.new, { user, keys: ['theme'] }))
    expect(found).toEqual([{ theme: 'dark' }, { theme: 'light' }])
  })
})
