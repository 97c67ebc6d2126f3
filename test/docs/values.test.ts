import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import type { LiveSessionPlugin } from 'koa-live-session'
import type { LiveSessionClient } from 'koa-live-session/client'
import type { Fields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import type { RedisClientType } from 'redis'
import { connect, type Socket } from 'socket.io-client'
import { z } from 'zod'
import { App } from '../support/app.js'
import { freePort } from '../support/free-port.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { serve } from '../support/serve.js'
import { describeWithServer } from '../support/servers/describe-with-server.js'
import { REDIS } from '../support/servers/installed.js'
import { RedisServer } from '../support/servers/redis.js'
import { SnippetFolder } from '../support/snippet-folder.js'

/** What `wizard-page.ts` exports. */
interface WizardPage {
  openWizard(socket: Socket): LiveSessionClient<{
    readonly step: { readonly schema: z.ZodNumber; readonly client: 'write' }
  }>
}

/** What `year.ts` exports. */
interface Year {
  readonly app: Koa
  readonly client: RedisClientType
  readonly live: LiveSessionPlugin
}

const PAGE = 'docs/values.md'
const anything = z.json()
const folder = SnippetFolder.of(PAGE)
const tabs = SnippetFolder.of('docs/tab-values.md')
const addresses = SnippetFolder.of('docs/address.md')
const deploys = SnippetFolder.of('docs/deployment.md')
const reference = SnippetFolder.of('docs/stores-reference.md')

async function fieldsOf(file: string, name: string, page = folder): Promise<Fields> {
  const exported = (await page.import(file)) as Record<string, Fields>
  const fields = exported[name]
  if (!fields) throw new Error(`${file} exports no ${name}`)
  return fields
}

/** Answers with all values that a request reads. A query sets one: `?set=["key",value]`. */
async function start(fields: Fields): Promise<App<Fields>> {
  return App.start({
    fields,
    routes: async (ctx) => {
      const { set } = ctx.query
      if (typeof set === 'string') await ctx.liveSession.set(...(JSON.parse(set) as [never, never]))
      ctx.body = Object.fromEntries(Object.keys(fields).map((key) => [key, ctx.liveSession.get(key as never)]))
    },
  })
}

const set = (key: string, value: unknown): string => `/?set=${encodeURIComponent(JSON.stringify([key, value]))}`

describe('the pages that declare fields', () => {
  it('declares fields with the defaults that it says, of which a page may set what is for it to write', async () => {
    const app = await start(await fieldsOf('fields.ts', 'fields'))
    const visitor = app.visitor()
    expect(JSON.parse(await visitor.text('/'))).toEqual({
      division: -1,
      cart: [],
      theme: 'light',
      plan: 'free',
      risk: 0,
    })
    const refused = await visitor.store({ set: [['plan', -1, '', 'gold']] })
    expect(await refused.json()).toMatchObject({ results: [{ code: 'not_writable' }] })
    expect((await visitor.store({ set: [['division', -1, '', 3]] })).status).toBe(200)
    expect(JSON.parse(await visitor.text('/'))).toMatchObject({ division: 3 })
  })

  it('has a field that reads as its default a quarter of an hour after its last write', async () => {
    const app = await start(await fieldsOf('basket.ts', 'basket'))
    const visitor = app.visitor()
    await visitor.text(set('reserved', ['seat 7']))
    app.clock.advance(15 * 60 * 1000 - 1)
    expect(JSON.parse(await visitor.text('/'))).toEqual({ reserved: ['seat 7'] })
    app.clock.advance(1)
    expect(JSON.parse(await visitor.text('/'))).toEqual({ reserved: [] })
  })

  it('has a field whose former values are read as those of now', async () => {
    const fields = await fieldsOf('sorting.ts', 'sorting', deploys)
    const former = await start({ sorting: { ...fields['sorting'], schema: anything, default: 'name' } as never })
    const visitor = former.visitor()
    await visitor.text(set('sorting', 'cost'))
    const other = former.visitor()
    await other.text(set('sorting', 'colour'))
    const app = await start(fields)
    expect(JSON.parse(await app.visitor(visitor.cookie).text('/'))).toEqual({
      sorting: { by: 'cost', descending: false },
    })
    expect(JSON.parse(await app.visitor(other.cookie).text('/'))).toEqual({
      sorting: { by: 'name', descending: false },
    })
  })

  it('has a field that a visit sets by its address, and a picture does not', async () => {
    const app = await start(await fieldsOf('filter.ts', 'filter', addresses))
    const visitor = app.visitor()
    const visit = async (destination: string): Promise<unknown> =>
      (await visitor.fetch('/costs?division=3', { headers: { 'sec-fetch-dest': destination } })).json()
    expect(await visit('image')).toEqual({ division: -1 })
    expect(await visit('document')).toEqual({ division: 3 })
    expect(JSON.parse(await visitor.text('/'))).toEqual({ division: 3 })
  })

  it('has a field that curl sets if it asks for a document', async () => {
    const app = await start(await fieldsOf('filter.ts', 'filter', addresses))
    const visit = async (headers: Record<string, string>): Promise<unknown> =>
      (await app.visitor().fetch('/costs?division=3', { headers })).json()
    expect(await visit({ accept: 'text/html' })).toEqual({ division: -1 })
    expect(await visit({ 'sec-fetch-dest': 'document' })).toEqual({ division: 3 })
  })

  it('keeps the step of a wizard in its tab, which no request reads', async () => {
    const { openWizard } = (await tabs.import('wizard-page.ts')) as WizardPage
    const fields = await fieldsOf('wizard.ts', 'wizard', tabs)
    const app = await App.start({ fields })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const options = { forceNew: true, extraHeaders: { cookie: visitor.cookie, origin: app.url } }
    const sockets = [connect(app.url, options), connect(app.url, options)] as const
    const [one, two] = [openWizard(sockets[0]), openWizard(sockets[1])]
    await Promise.all([one.ready, two.ready])
    await one.set('step', 2)
    expect([one.get('step'), two.get('step'), one.status('step').status]).toEqual([2, 1, 'saved'])
    await expect(one.set('step', 9)).rejects.toMatchObject({ code: 'invalid_value' })
    one.close()
    two.close()
    for (const socket of sockets) socket.disconnect()
  })

  itRunsSnippetsOf(PAGE, 'fields.ts', 'basket.ts')
  itRunsSnippetsOf('docs/deployment.md', 'sorting.ts')
  itRunsSnippetsOf('docs/address.md')
  itRunsSnippetsOf('docs/tab-values.md')
})

describeWithServer(REDIS, 'docs/stores-reference.md', () => {
  const DAY = 24 * 60 * 60 * 1000
  let redis: RedisServer
  const before = process.env['REDIS_URL']
  beforeAll(async () => {
    const port = await freePort()
    redis = await RedisServer.start(['--bind', '127.0.0.1', '--port', String(port)])
    process.env['REDIS_URL'] = `redis://127.0.0.1:${port}`
  })
  afterAll(async () => {
    if (before === undefined) delete process.env['REDIS_URL']
    else process.env['REDIS_URL'] = before
    await redis.stop()
  })

  it('has an app whose values stay for a year, in the cookie and in Redis', async () => {
    const { app, client, live } = (await reference.import('year.ts')) as Year
    app.use(async (ctx) => {
      ctx.body = await ctx.liveSession.set('division' as never, 3 as never)
    })
    const { url } = await serve(app)
    const [cookie = ''] = (await fetch(url)).headers.getSetCookie()
    const [, expires = ''] = /expires=([^;]+)/.exec(cookie) ?? []
    expect(Math.round((Date.parse(expires) - Date.now()) / DAY)).toBe(365)
    await live.settled()
    const [key = ''] = await client.keys('live-session:*')
    expect(Math.round((await client.pTTL(key)) / DAY)).toBe(365)
    await live.close()
    client.destroy()
  })

  itRunsSnippetsOf('docs/stores-reference.md', 'year.ts')
})
