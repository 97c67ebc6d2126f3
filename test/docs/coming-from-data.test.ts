import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import type { SessionStore } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import session from 'koa-session'
import { Kysely, SqliteDialect } from 'kysely'
import Database from 'libsql'
import { z } from 'zod'
import { App } from '../support/app.js'
import { AuthStore, auth } from '../support/auth.js'
import { runSnippet } from '../support/run-snippet.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'

/** What the snippets of the guide export that take over what a former app has kept. */
interface Guide {
  takeOver: Koa.Middleware
  takeOverRows(db: object): Koa.Middleware
  moveSessions(store: SessionStore, former: Iterable<readonly [string, object]>): Promise<void>
}

const PAGE = 'docs/coming-from.md'
const guide = {
  ...runSnippet('take-over.ts', PAGE, { z }),
  ...runSnippet('take-over-rows.ts', PAGE, { z }),
  ...runSnippet('move-sessions.ts', PAGE, {}),
} as unknown as Guide

describe('a session that was in koa-session’s cookie', () => {
  async function start(): Promise<App> {
    return App.start({
      before: (koa) => [auth(koa)],
      routes: async (ctx) => {
        if (ctx.path === '/former') ctx['session'].division = JSON.parse(String(ctx.query['division']))
        else {
          await guide.takeOver(ctx, async () => {
            if (ctx.path === '/delete') await ctx.liveSession.delete('division')
          })
        }
        ctx.body = `${ctx.liveSession.get('division')} ${JSON.stringify(ctx['session'])}`
      },
    })
  }

  it('is taken over once, and what is deleted later does not come back', async () => {
    const visitor = (await start()).visitor()
    expect(await visitor.text('/')).toBe('-1 {}')
    await visitor.text('/former?division=3')
    expect(await visitor.text('/')).toBe('3 {}')
    expect(await visitor.text('/delete')).toBe('-1 {}')
    expect(await visitor.text('/')).toBe('-1 {}')
  })

  it('does not go over what was set since, and what is no division stays where it is', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.text('/former?division=3')
    await visitor.text('/')
    await visitor.text('/former?division=4')
    expect(await visitor.text('/')).toBe('3 {}')
    await visitor.text('/former?division="all"')
    expect(await visitor.text('/')).toBe('3 {"division":"all"}')
    expect(app.errors).toEqual([])
  })
})

describe('sessions of a former store', () => {
  it('are moved, so that signed-in users stay signed in, but for those that have expired, and not back after their end', async () => {
    const store = new AuthStore()
    const body: Koa.Middleware = (ctx) => {
      if (ctx.path === '/sign-in') ctx['session'].user = 'ann'
      ctx.body = JSON.stringify(ctx['session'])
    }
    const former = await App.start({ before: (koa) => [auth(koa, { store })], routes: body })
    const [ann, bob] = [former.visitor(), former.visitor()]
    for (const visitor of [ann, bob]) await visitor.text('/sign-in')
    const [, second] = [...store.sessions.values()]
    Object.assign(second ?? {}, { _expire: Date.now() - 1 })
    await former.stop()

    const app = await App.start({
      before: (koa, live) => [session({ key: 'app', store: live.sessionStore() }, koa)],
      routes: body,
      options: { clock: Date.now },
    })
    await guide.moveSessions(app.live.sessionStore(), store.sessions)
    expect(await app.visitor(ann.cookie).text('/')).toBe('{"user":"ann"}')
    expect(await app.visitor(bob.cookie).text('/')).toBe('{}')
    expect(app.errors).toEqual([])

    await Promise.all([...store.sessions.keys()].map((id) => app.live.sessionStore().destroy(id)))
    const again = guide.moveSessions(app.live.sessionStore(), store.sessions)
    await expect(again).rejects.toThrow('expected a new id')
    expect(await app.visitor(ann.cookie).text('/')).toBe('{}')
  })

  it('that were in koa-session’s cookie are those of new visitors', async () => {
    const former = await App.start({
      before: (koa) => [auth(koa)],
      routes: (ctx) => {
        ctx['session'].user = 'ann'
        ctx.body = ''
      },
    })
    const visitor = former.visitor()
    await visitor.text('/')
    const app = await App.start({
      before: (koa, live) => [session({ key: 'app', store: live.sessionStore() }, koa)],
      routes: (ctx) => {
        ctx.body = JSON.stringify(ctx['session'])
      },
    })
    expect(await app.visitor(visitor.cookie).text('/')).toBe('{}')
    expect(app.errors).toEqual([])
  })
})

describe('rows under the id of a former cookie', () => {
  it('are taken over at the next visit, where nothing was set yet, and the cookie goes', async () => {
    const database = new Database(':memory:')
    database.exec(`create table settings (visitor text, key text, value text);
      insert into settings values ('a', 'username', ' Ann '), ('b', 'username', ''), ('c', 'username', 'Cleo'), ('a', 'theme', 'dark')`)
    const db = new Kysely<object>({ dialect: new SqliteDialect({ database }) })
    const fields = defineFields({ username: { schema: z.string().min(1), default: 'anonymous' } })
    const takeOverRows = guide.takeOverRows(db)
    const app = await App.start({
      fields,
      routes: async (ctx) => {
        await takeOverRows(ctx, async () => undefined)
        const { liveSession } = ctx as unknown as { liveSession: { get(key: 'username'): string } }
        ctx.body = liveSession.get('username')
      },
    })
    const [ann, bob, eve] = ['visitor=a', 'visitor=b', "visitor=' or 1=1 --"].map((cookie) => app.visitor(cookie))
    expect(await ann?.text('/')).toBe('Ann')
    expect(ann?.cookie).not.toContain('visitor=')
    expect(await ann?.text('/')).toBe('Ann')
    ann?.jar.setCookieSync('visitor=c; Path=/', app.url)
    expect(await ann?.text('/')).toBe('Ann')
    expect([await bob?.text('/'), await eve?.text('/')]).toEqual(['anonymous', 'anonymous'])
    expect(app.errors).toEqual([])
    await db.destroy()
  })
})

itRunsSnippetsOf(PAGE, 'take-over.ts', 'take-over-rows.ts', 'move-sessions.ts')
