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

/** The header names the user; the query says which values to set, delete and return. */
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

/** Starts two builds of an app with the same secrets and clock. */
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

/** Sends a request to a build. */
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
  it('relays both builds\u2019 writes through an adapter alone', async () => {
    const builds = await deploy({ old: oldFields, new: newFields }, new Bus())
    const [one, two] = [await builds.old.live.user('ann'), await builds.new.live.user('ann')]
    await two.set('filter' as never, 'boats' as never)
    await two.set('range' as never, 'all' as never)
    await one.set('division' as never, 5 as never)
    expect([one.get('range'), one.get('division'), two.get('division')]).toEqual([-1, 5, 5])
    expect(one.inspect().get('range')?.value).toBe('all')
  })

  it('keeps values unknown to one build after a sign-in moved them', async () => {
    const builds = await deploy({ old: oldFields, new: newFields })
    const visitor = builds.old.visitor()
    await ask(visitor, builds.new, { set: { filter: 'boats' } })
    expect(await ask(visitor, builds.new, { user: 'ann', keys: ['filter'] })).toEqual({ filter: 'boats' })
    await ask(visitor, builds.old, { user: 'ann', set: { division: 5 } })
    emptyCache(builds.new.live)
    expect(await ask(visitor, builds.new, { user: 'ann', keys: ['filter'] })).toEqual({ filter: 'boats' })
  })

  it('keeps a value that the other build rejects', async () => {
    const builds = await deploy({ old: oldFields, new: newFields })
    const visitor = builds.old.visitor()
    await ask(visitor, builds.new, { set: { range: 'all' } })
    expect(await ask(visitor, builds.old, { keys: ['range'], set: { division: 1 } })).toEqual({ range: -1 })
    emptyCache(builds.new.live)
    expect(await ask(visitor, builds.new, { keys: ['range', 'division'] })).toEqual({ range: 'all', division: 1 })
  })

  it('does not restore a deleted value', async () => {
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

  it('keeps unknown keys of a ticket, but hides them from browsers', async () => {
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
    expect((await (await visitor.store()).json()).persisted.map(([key]: [string]) => key)).toEqual(['division'])
    emptyCache(builds.new.live)
    expect(await ask(visitor, builds.new, { keys: ['filter', 'division'] })).toEqual({ filter: 'x', division: 3 })
  })

  it('keeps unknown keys of a ticket after the adapter relayed them', async () => {
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

  it('does not mix unknown values of different browsers', async () => {
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
