import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, jest } from '@jest/globals'
import Koa from 'koa'
import { type LiveSessionPlugin, liveSession, type SessionStore } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { migrateSqlStore, sqlStore } from 'koa-live-session/sql'
import session from 'koa-session'
import { Kysely, SqliteDialect } from 'kysely'
import Database from 'libsql'
import { Server, type Socket } from 'socket.io'
import type { Socket as ClientSocket } from 'socket.io-client'
import { z } from 'zod'
import { App } from '../support/app.js'
import { AuthStore, auth } from '../support/auth.js'
import { bring, told } from '../support/hand-offs.js'
import { runSnippet } from '../support/run-snippet.js'
import { ends, socketOf } from '../support/running-docs.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { nameOf } from '../support/users.js'
import { Visitor } from '../support/visitor.js'
import { within } from '../support/within.js'

const PAGE = 'docs/coming-from.md'
const RIGHT = 'correct horse battery staple'

interface Part {
  readonly page: Koa.Middleware
  readonly serve: (socket: Socket) => void
}
const filter = runSnippet('filter.ts', PAGE, {}) as unknown as Part
const theme = runSnippet('theme.ts', PAGE, { z }) as unknown as Part
const { takeOver } = runSnippet('take-over.ts', PAGE, { z }) as unknown as { takeOver: Koa.Middleware }
const cart = runSnippet('cart.ts', PAGE, { session }) as unknown as Pick<Part, 'serve'> & {
  readonly sessionsOf: (app: Koa, live: object) => Koa.Middleware
}
const { moveSessions } = runSnippet('move-sessions.ts', PAGE, {}) as unknown as {
  readonly moveSessions: (store: SessionStore, former: Iterable<readonly [string, object]>) => Promise<void>
}
const signIn = runSnippet('sign-in.ts', PAGE, { z }) as unknown as {
  readonly signIn: Koa.Middleware
  readonly serve: (socket: Socket, authenticate: (form: unknown) => Promise<string | undefined>) => void
}

/** A tab of a visitor: what it was told last by an event of that name, and the tickets that it is to bring. */
function tab(
  visitor: Visitor,
  event = 'view',
): { readonly io: ClientSocket; readonly tickets: string[]; shows(words: string): Promise<void> } {
  const io = socketOf(visitor)
  const tickets: string[] = []
  let shown = ''
  io.on('store_session', (ticket: string) => tickets.push(ticket))
  io.on(event, (what: unknown) => {
    shown = JSON.stringify(what)
  })
  const shows = async (words: string): Promise<void> => {
    const found = await within(
      async () => shown,
      (text) => text.includes(words),
    )
    expect(found).toContain(words)
  }
  return { io, tickets, shows }
}

describe('the filter', () => {
  const start = async (port?: number): Promise<App> => {
    const app = await App.start({ routes: filter.page, ...(port === undefined ? {} : { port }) })
    app.io.on('connection', filter.serve)
    return app
  }

  it('is in all tabs, the next request and after a restart, and no other value is taken', async () => {
    const app = await start()
    const visitor = app.visitor()
    expect(await visitor.text('/')).toContain('Costs of division -1')
    const [one, two] = [tab(visitor), tab(visitor)]
    one.io.emit('filter', 1)
    await Promise.all([one.shows('division 1'), two.shows('division 1')])
    one.io.emit('filter', 'many')
    one.io.emit('filter')
    await within(
      async () => app.errors.length,
      (length) => length === 2,
    )
    expect(await visitor.text('/')).toContain('<h1>Costs of division 1</h1>')
    const tickets = await within(
      async () => two.tickets,
      ({ length }) => length > 0,
    )
    expect((await visitor.store({ tickets })).status).toBe(200)
    const { port } = app
    await app.stop({ isCrash: true })
    await start(port)
    expect(await visitor.text('/')).toContain('<h1>Costs of division 1</h1>')
    await tab(visitor).shows('division 1')
  })
})

describe('a session that was in koa-session’s cookie', () => {
  async function start(): Promise<App> {
    return App.start({
      before: (koa) => [auth(koa)],
      routes: async (ctx) => {
        if (ctx.path === '/former') ctx['session'].division = JSON.parse(String(ctx.query['division']))
        else {
          await takeOver(ctx, async () => {
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

describe('the value that a view is mounted with', () => {
  it('is set by the address, and the socket goes on with it', async () => {
    const app = await App.start({
      routes: async (ctx, next) => {
        if (ctx.path === '/light') await ctx.liveSession.set('theme', 'light')
        await theme.page(ctx, next)
      },
    })
    app.io.on('connection', theme.serve)
    const visitor = app.visitor()
    expect(await visitor.text('/')).toContain('<main class="light">')
    expect(await visitor.text('/?theme=dark')).toContain('<main class="dark">')
    expect(await visitor.text('/?theme=blue')).toContain('<main class="dark">')
    const { shows } = tab(visitor)
    await shows('dark')
    await visitor.text('/light')
    await shows('light')
  })

  it('is, of several first requests at once, what the last answer has brought', async () => {
    const app = await App.start({ routes: theme.page })
    const [first, second] = await Promise.all(
      ['dark', 'light'].map((name) =>
        fetch(`${app.url}/?theme=${name}`).then((answer) => answer.headers.getSetCookie()),
      ),
    )
    const ids = [first, second].map((cookies) => cookies?.map((cookie) => cookie.split(';')[0]).join('; ') ?? '')
    expect(ids[0]).not.toBe(ids[1])
    const texts = ids.map((cookie) => fetch(app.url, { headers: { cookie } }).then((answer) => answer.text()))
    expect((await Promise.all(texts)).map((text) => text.includes('dark'))).toEqual([true, false])
  })
})

describe('the session store', () => {
  it('keeps what a request, and two sockets at once, have changed', async () => {
    let reached: (() => void) | undefined
    let go: (() => void) | undefined
    const isThere = new Promise<void>((resolve) => (reached = resolve))
    const goes = new Promise<void>((resolve) => (go = resolve))
    const app = await App.start({
      before: (koa, live) => [cart.sessionsOf(koa, live)],
      routes: async (ctx) => {
        ctx['session'].cart ??= []
        if (ctx.path === '/note') {
          reached?.()
          await goes
          ctx['session'].note = 'by noon'
        }
        ctx.body = ctx['session'].toJSON()
      },
    })
    app.io.on('connection', cart.serve)
    const visitor = app.visitor()
    await visitor.text('/')
    const [one, two] = [tab(visitor, 'cart'), tab(visitor, 'cart')]
    await Promise.all([one.shows('[]'), two.shows('[]')])
    const answer = visitor.text('/note')
    await isThere
    one.io.emit('add', 'a lamp')
    two.io.emit('add', 'a chair')
    for (const item of ['a lamp', 'a chair']) await Promise.all([one.shows(item), two.shows(item)])
    go?.()
    await answer
    const kept = JSON.parse(await visitor.text('/'))
    expect(kept.note).toBe('by noon')
    expect(kept.cart.sort()).toEqual(['a chair', 'a lamp'])
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
    await moveSessions(app.live.sessionStore(), store.sessions)
    expect(await app.visitor(ann.cookie).text('/')).toBe('{"user":"ann"}')
    expect(await app.visitor(bob.cookie).text('/')).toBe('{}')
    expect(app.errors).toEqual([])

    await Promise.all([...store.sessions.keys()].map((id) => app.live.sessionStore().destroy(id)))
    const again = moveSessions(app.live.sessionStore(), store.sessions)
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

describe('the settings', () => {
  const fields = defineFields({ division: { schema: z.number().int(), default: -1, client: 'write', cookie: false } })
  const { settings } = runSnippet('settings.ts', PAGE, { migrateSqlStore, liveSession, sqlStore, fields })

  /** A process with these settings. */
  async function start(database: InstanceType<typeof Database>): Promise<{ url: string; stop(): Promise<void> }> {
    const koa = new Koa({ keys: ['a secret of at least thirty-two bytes'] })
    const db = new Kysely<object>({ dialect: new SqliteDialect({ database }) })
    const live = await (settings as (app: Koa, db: object) => Promise<LiveSessionPlugin<typeof fields>>)(koa, db)
    koa.use(live.middleware())
    koa.use(filter.page)
    const http = createServer(koa.callback())
    const io = new Server(http)
    live.attach(io)
    io.on('connection', filter.serve)
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    const stop = async (): Promise<void> => {
      await live.close()
      http.closeAllConnections()
      await new Promise<void>((resolve) => void io.close(() => resolve()))
    }
    ends.push(stop)
    return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, stop }
  }

  it('are in the table, under the hash of the visitor, in all tabs, and after a restart, for a year', async () => {
    jest.spyOn(console, 'warn').mockImplementation(() => undefined)
    const database = new Database(':memory:')
    const first = await start(database)
    const visitor = new Visitor(first.url)
    ends.push(() => visitor.leave())
    const asked = await visitor.fetch('/')
    const [, expires = ''] = /expires=([^;]+)/i.exec(asked.headers.getSetCookie()[0] ?? '') ?? []
    expect(Math.round((Date.parse(expires) - Date.now()) / (24 * 60 * 60 * 1000))).toBe(365)
    const [one, two] = [tab(visitor), tab(visitor)]
    one.io.emit('filter', 3)
    await two.shows('division 3')
    const rows = await within(
      async () => database.prepare('select subject, key, value from live_session_settings').all(),
      ({ length }) => length > 0,
    )
    expect(rows).toEqual([{ subject: `browser:${nameOf(visitor)}`, key: 'division', value: '3' }])
    const { url } = await start(database)
    const later = new Visitor(url, visitor.cookie)
    expect(await later.text('/')).toContain('Costs of division 3')
  })
})

describe('the sign-in', () => {
  /** The id of the app's own session. */
  const ownId = ({ cookie }: Visitor): string => /(?:^|; )app=([^;]+)/.exec(cookie)?.[1] ?? 'none'

  async function start(): Promise<{ visitor: Visitor; app: App }> {
    const app = await App.start({
      before: (koa, live) => [session({ key: 'app', store: live.sessionStore() }, koa)],
      options: { identify: (ctx: { session?: { userId?: string } }) => ctx.session?.userId } as never,
      routes: async (ctx, next) => {
        if (ctx.path === '/sign-in') return signIn.signIn(ctx, next)
        ctx['session'].isSeen = true
        const messages = await ctx.liveSession.takeFlash()
        ctx.body = JSON.stringify([ctx['session'].userId, ...messages]) + ctx.liveSession.embed()
      },
    })
    const authenticate = async (form: unknown): Promise<string | undefined> => (form === RIGHT ? 'ann' : undefined)
    app.io.on('connection', (socket) => signIn.serve(socket, authenticate))
    return { visitor: app.visitor(), app }
  }

  it('is done by what the socket hands over, once, and said once', async () => {
    const { visitor, app } = await start()
    expect(await visitor.text('/')).toContain('[null]')
    const { io, shows } = tab(visitor, 'said')
    io.emit('sign-in', 'wrong')
    await shows('That is not right')
    const handed = told({ io })
    io.emit('sign-in', RIGHT)
    const token = await handed
    const [guest, own] = [nameOf(visitor), ownId(visitor)]
    const answer = await bring(visitor, token)
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/'])
    expect(nameOf(visitor)).not.toBe(guest)
    expect(ownId(visitor)).not.toBe(own)
    expect(await visitor.text('/')).toContain('["ann","Welcome"]')
    await bring(visitor, token)
    expect(await visitor.text('/')).toContain('["ann"]')
    expect(app.errors).toEqual([])
  })

  it('tells a browser without a cookie what to do', async () => {
    const { visitor, app } = await start()
    const { io, shows } = tab(visitor, 'said')
    io.emit('sign-in', RIGHT)
    await shows('Allow cookies')
    expect(app.errors).toEqual([])
  })
})

itRunsSnippetsOf(PAGE)
