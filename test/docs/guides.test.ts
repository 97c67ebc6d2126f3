import { createHash } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { transformSync } from 'esbuild'
import { JSDOM } from 'jsdom'
import type Koa from 'koa'
import { createLiveSession, type LiveSessionClient } from 'koa-live-session/client'
import Database from 'libsql'
import { connect } from 'socket.io-client'
import { App } from '../support/app.js'
import { auth } from '../support/auth.js'
import { snippet } from '../support/readme.js'
import { runSnippet } from '../support/run-snippet.js'
import { ends, startDocs, visitorOf } from '../support/running-docs.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { nameOf } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'

const DAY = 24 * 60 * 60 * 1000

/** The first views that a new socket is sent; after the first of them a division may be set, of which there is a ticket. */
function views(visitor: Visitor, count: number, division?: number): Promise<{ seen: string[]; ticket: string }> {
  const io = connect(visitor.url, {
    transports: ['websocket'],
    forceNew: true,
    extraHeaders: { cookie: visitor.cookie, origin: visitor.url },
  })
  ends.push(() => io.disconnect())
  const seen: string[] = []
  let set: Promise<{ readonly ticket?: string }> | undefined
  return new Promise((resolve) => {
    io.on('view', (html: string) => {
      if (seen.push(html) === 1 && division !== undefined)
        set = io.emitWithAck('live_session:sync', { set: [['division', -1, '', division]] })
      if (seen.length === count)
        void Promise.resolve(set).then((answer) => resolve({ seen, ticket: answer?.ticket ?? '' }))
    })
  })
}

describe('docs/first-render.md', () => {
  it('has a server whose sockets go on with what its first HTML shows, also after a reconnect and a restart', async () => {
    const server = await startDocs('docs/first-render.md', 'first-render.ts')
    const visitor = visitorOf(server)
    expect(await visitor.text('/')).toContain('<main><h1>Costs of all divisions</h1></main>')
    const { seen, ticket } = await views(visitor, 2, 1)
    expect(seen).toEqual(['<h1>Costs of all divisions</h1>', '<h1>Costs of Sound</h1>'])
    expect((await visitor.store({ tickets: [ticket] })).status).toBe(200)
    expect(await visitor.text('/')).toContain('<main><h1>Costs of Sound</h1></main>')
    expect((await views(visitor, 1)).seen).toEqual(['<h1>Costs of Sound</h1>'])
    await server.kill()
    await server.start()
    expect((await views(visitor, 1)).seen).toEqual(['<h1>Costs of Sound</h1>'])
    expect(await visitor.text('/')).toContain('<main><h1>Costs of Sound</h1></main>')
  })
})

describe('a page that shows what the server renders', () => {
  it.each([
    ['docs/first-render.md', 'browser.ts'],
    ['docs/coming-from.md', 'page.ts'],
  ])('leaves alone what it shows already, escaped text included: %s', (page, file) => {
    const view = '<h1>Research &#38; &#60;Development&#62;</h1>'
    const { document } = new JSDOM(`<main>${view}</main>`).window
    const socket = new EventEmitter()
    const nothing = (): void => undefined
    const parts = { createLiveSession: nothing, followAddress: nothing, followHandOffs: nothing }
    runSnippet(file, page, { document, io: () => socket, ...parts })
    const heading = document.querySelector('h1')
    socket.emit('view', view)
    expect(document.querySelector('h1')).toBe(heading)
    socket.emit('view', '<h1>Sound &#38; Film</h1>')
    expect(document.querySelector('main')?.textContent).toBe('Sound & Film')
  })
})

describe('docs/settings.md', () => {
  it('has a chat whose names are in the table, and whose own table knows who said what', async () => {
    const server = await startDocs('docs/settings.md', 'chat.ts')
    const [ann, bob] = [visitorOf(server), visitorOf(server)]
    expect(await ann.text('/')).toContain('You are anonymous')
    await bob.text('/')
    const socket = await ann.connect()
    expect(await socket.change('username', ' <Ann> ')).toMatchObject({ level: 'store' })
    expect(await socket.change('username', '')).toMatchObject({ code: 'invalid_value' })
    expect(await socket.io.emitWithAck('say', 'good <morning>')).toEqual({ ok: true })
    await server.kill()
    await server.start()
    expect(await ann.text('/')).toContain(
      'You are &#60;Ann&#62;</p><ul><li class="own">&#60;Ann&#62;: good &#60;morning&#62;</li>',
    )
    expect(await bob.text('/')).toContain('You are anonymous</p><ul><li>&#60;Ann&#62;: good &#60;morning&#62;</li>')
    expect(ann.cookie).not.toContain(Buffer.from('Ann').toString('base64').slice(0, 3))
    const database = new Database(join(server.folder, 'chat.db'), { timeout: 1000 })
    ends.push(() => database.close())
    const visitor = nameOf(ann)
    expect(database.prepare('select visitor, text from messages').all()).toEqual([{ visitor, text: 'good <morning>' }])
    const rows = database.prepare('select subject, key, value, read_at from live_session_settings').all() as {
      read_at: number
    }[]
    expect(rows).toEqual([
      { subject: `browser:${visitor}`, key: 'username', value: '"<Ann>"', read_at: expect.any(Number) },
    ])
    expect(Math.abs(Date.now() - Number(rows[0]?.read_at))).toBeLessThan(DAY)
  })

  it.each(['ann', 1])('computes the visitorId of a user, %p, as requests have it', async (user) => {
    const { visitorIdOf } = runSnippet('visitor-id.ts', 'docs/settings.md', { createHash })
    const routes: Koa.Middleware = (ctx) => {
      ctx.body = ctx.liveSession.visitorId
    }
    const app = await App.start({ options: { identify: () => user } as never, routes })
    expect(await app.visitor().text('/')).toBe((visitorIdOf as (user: string | number) => string)(user))
  })

  it('has a sign-in that takes the visitor’s own rows along', async () => {
    const moved: unknown[] = []
    const updating = {
      set: (to: object) => ({
        where: (...from: unknown[]) => ({ execute: async () => void moved.push([to, ...from]) }),
      }),
    }
    const { signIn } = runSnippet('sign-in.ts', 'docs/settings.md', {}) as {
      signIn(ctx: Koa.Context, user: string, db: object): Promise<void>
    }
    const app = await App.start({
      before: (koa) => [auth(koa)],
      options: { identify: (ctx: Koa.Context) => ctx['session']?.userId } as never,
      routes: async (ctx) => {
        if (ctx.path === '/login') await signIn(ctx, 'ann', { updateTable: () => updating })
        else ctx.body = ctx.liveSession.embed()
      },
    })
    const visitor = app.visitor()
    await visitor.text('/')
    const before = nameOf(visitor)
    expect((await visitor.fetch('/login')).status).toBe(302)
    const ann = 'LgV39OieD_s4c4n-mpQdDAIxscN1AeTsbGjXGs4HL6s'
    expect(moved).toEqual([[{ visitor: ann }, 'visitor', '=', before]])
  })
})

describe('docs/without-a-socket.md', () => {
  it('has a form that sets the theme without a script, which the answer and the next page show', async () => {
    const server = await startDocs('docs/without-a-socket.md', 'theme.ts')
    const visitor = visitorOf(server)
    const post = (theme: string, headers: Record<string, string> = {}): Promise<Response> =>
      visitor.fetch('/theme', { method: 'POST', body: new URLSearchParams({ theme }), headers })
    expect(await visitor.text('/')).toContain('data-theme="light"')
    const answer = await post('dark')
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/'])
    expect(await visitor.text('/')).toContain('data-theme="dark"')
    expect((await post('pink')).status).toBe(400)
    expect((await post('light', { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    await server.kill()
    await server.start()
    expect(await visitor.text('/')).toContain('data-theme="dark"')
  })

  it('has a script for the same form, which is not sent then, and saves all the same', async () => {
    const server = await startDocs('docs/without-a-socket.md', 'theme.ts')
    const visitor = visitorOf(server)
    const { window } = new JSDOM(await visitor.text('/'), { url: server.url })
    const { fetch: original } = globalThis
    Object.assign(globalThis, {
      document: window.document,
      fetch: (to: string | URL, init: RequestInit) =>
        typeof to === 'string' ? visitor.fetch(to, init) : original(to, init),
    })
    ends.push(() => {
      Object.assign(globalThis, { fetch: original })
      Reflect.deleteProperty(globalThis, 'document')
    })
    const { code } = transformSync(
      snippet('page.ts', 'docs/without-a-socket.md').replace(/^(import .*|export )/gm, ''),
      { loader: 'ts' },
    )
    const { document, HTMLButtonElement } = window
    const given = { createLiveSession, document, HTMLButtonElement }
    const live = new Function(...Object.keys(given), `${code}\nreturn live`)(
      ...Object.values(given),
    ) as LiveSessionClient
    ends.push(() => live.close())
    let isSent = false
    window.addEventListener('submit', (event) => {
      isSent = !event.defaultPrevented
    })
    document.querySelector<HTMLButtonElement>('[value=dark]')?.click()
    expect([isSent, document.documentElement.dataset['theme']]).toEqual([false, 'dark'])
    await live.flush()
    expect(live.status().status).toBe('saved')
    expect(await visitor.text('/')).toContain('data-theme="dark"')
  })
})

describe('the snippets of these pages', () => {
  itRunsSnippetsOf('docs/first-render.md', 'first-render.ts')
  itRunsSnippetsOf('docs/settings.md')
  itRunsSnippetsOf('docs/without-a-socket.md')
})
