import { describe, expect, it } from '@jest/globals'
import type { Fields } from 'koa-live-session/fields'
import { z } from 'zod'
import { App } from '../support/app.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { SnippetFolder } from '../support/snippet-folder.js'

const PAGE = 'docs/values.md'
const anything = z.json()
const folder = SnippetFolder.of(PAGE)

async function fieldsOf(file: string, name: string): Promise<Fields> {
  const exported = (await folder.import(file)) as Record<string, Fields>
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

describe(PAGE, () => {
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
    const refused = await visitor.store({ set: [['plan', -1, 'gold']] })
    expect([refused.status, await refused.json()]).toEqual([
      403,
      { error: expect.objectContaining({ code: 'not_writable' }) },
    ])
    expect((await visitor.store({ set: [['division', -1, 3]] })).status).toBe(200)
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
    const fields = await fieldsOf('sorting.ts', 'sorting')
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
    const app = await start(await fieldsOf('filter.ts', 'filter'))
    const visitor = app.visitor()
    const visit = async (destination: string): Promise<unknown> =>
      (await visitor.fetch('/costs?division=3', { headers: { 'sec-fetch-dest': destination } })).json()
    expect(await visit('image')).toEqual({ division: -1 })
    expect(await visit('document')).toEqual({ division: 3 })
    expect(JSON.parse(await visitor.text('/'))).toEqual({ division: 3 })
  })

  itRunsSnippetsOf(PAGE)
})
