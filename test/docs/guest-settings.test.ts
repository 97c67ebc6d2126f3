import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import Koa from 'koa'
import type { LiveSessionPlugin } from 'koa-live-session'
import mount from 'koa-mount'
import { Kysely, SqliteDialect } from 'kysely'
import Database from 'libsql'
import { App } from '../support/app/app.js'
import { auth } from '../support/app/auth.js'
import type { Visitor } from '../support/app/visitor.js'
import { runSnippet } from '../support/docs/run-snippet.js'

type Db = Kysely<{ messages: { visitor: string } }>
type AddSignIn = (app: Koa, live: LiveSessionPlugin, check: (ctx: Koa.Context) => Promise<string>, db: Db) => void

const PAGE = 'docs/guest-settings.md'
const addSignIn = runSnippet('sign-in.ts', PAGE, {})['addSignIn'] as AddSignIn

let db: Db
beforeEach(async () => {
  db = new Kysely({ dialect: new SqliteDialect({ database: new Database(':memory:') }) })
  await db.schema.createTable('messages').addColumn('visitor', 'text').execute()
})
afterEach(() => db.destroy())

/** An app with the page's sign-in, whose form names any user: `/sign-in?user=ann`. */
async function start(): Promise<App> {
  const routes = new Koa()
  return App.start({
    options: { identify: (ctx) => ctx['session']?.userId },
    before: (koa, live) => {
      addSignIn(routes, live as never, async (ctx) => String(ctx.query['user']), db)
      routes.use((ctx) => {
        ctx.liveSession.embed()
        ctx.body = ctx.liveSession.visitorId
      })
      return [auth(koa)]
    },
    routes: (ctx, next) => mount(routes)(ctx, next),
  })
}

async function say(visitor: Visitor): Promise<void> {
  const id = await visitor.text('/')
  await db.insertInto('messages').values({ visitor: id }).execute()
}

const signIn = (visitor: Visitor, user: string, headers: Record<string, string> = {}): Promise<Response> =>
  visitor.fetch(`/sign-in?user=${user}`, { method: 'POST', headers: { origin: visitor.url, ...headers } })

const owners = async (): Promise<readonly string[]> =>
  (await db.selectFrom('messages').selectAll().execute()).map(({ visitor }) => visitor)

describe(`threat 108: the sign-in of ${PAGE}`, () => {
  it("moves a guest's rows to the account", async () => {
    const visitor = (await start()).visitor()
    await say(visitor)
    expect((await signIn(visitor, 'ann')).status).toBe(302)
    expect(await owners()).toEqual([await visitor.text('/')])
  })

  it('leaves the rows of an account that is still signed in', async () => {
    const visitor = (await start()).visitor()
    await signIn(visitor, 'ann')
    await say(visitor)
    const ann = await visitor.text('/')
    expect((await signIn(visitor, 'bob')).status).toBe(302)
    expect(await visitor.text('/')).not.toBe(ann)
    expect(await owners()).toEqual([ann])
  })

  it('refuses a form of another site', async () => {
    const visitor = (await start()).visitor()
    await say(visitor)
    const before = await owners()
    const cross = await signIn(visitor, 'bob', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' })
    expect(cross.status).toBe(403)
    expect(await owners()).toEqual(before)
  })
})
