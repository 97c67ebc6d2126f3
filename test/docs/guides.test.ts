import { createHash } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { JSDOM } from 'jsdom'
import type Koa from 'koa'
import type { Fields } from 'koa-live-session/fields'
import { testClient } from 'koa-live-session/testing'
import Database from 'libsql'
import { connect } from 'socket.io-client'
import { App } from '../support/app.js'
import { auth } from '../support/auth.js'
import { snippet } from '../support/readme.js'
import { runSnippet } from '../support/run-snippet.js'
import { ends, startDocs, visitorOf } from '../support/running-docs.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { SnippetFolder } from '../support/snippet-folder.js'
import { nameOf } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'
import { within } from '../support/within.js'

const DAY = 24 * 60 * 60 * 1000

/** The first lists that a new socket is sent; after the first of them a division may be set, of which there is a ticket. */
function lists(visitor: Visitor, count: number, division?: number): Promise<{ seen: string[]; ticket: string }> {
  const io = connect(visitor.url, {
    transports: ['websocket'],
    forceNew: true,
    extraHeaders: { cookie: visitor.cookie, origin: visitor.url },
  })
  ends.push(() => io.disconnect())
  const seen: string[] = []
  let set: Promise<{ readonly ticket?: string }> | undefined
  return new Promise((resolve) => {
    io.on('list', (html: string) => {
      if (seen.push(html) === 1 && division !== undefined)
        set = io.emitWithAck('live_session:sync', { set: [['division', -1, '', division]] })
      if (seen.length === count)
        void Promise.resolve(set).then((answer) => resolve({ seen, ticket: answer?.ticket ?? '' }))
    })
  })
}

describe('docs/rendering.md', () => {
  const rendering = SnippetFolder.of('docs/rendering.md')

  it('has a server whose sockets go on with what its first HTML shows, also after a reconnect and a restart', async () => {
    const others = { 'fields.ts': snippet('fields.ts', 'docs/rendering.md') }
    const server = await startDocs('docs/rendering.md', 'server.ts', { others })
    const visitor = visitorOf(server)
    const [all, sound] = ['<li>Lights</li><li>Towers</li><li>Line array</li>', '<li>Line array</li>']
    expect(await visitor.text('/')).toContain(`<ul>${all}</ul>`)
    const { seen, ticket } = await lists(visitor, 2, 1)
    expect(seen).toEqual([all, sound])
    expect((await visitor.store({ tickets: [ticket] })).status).toBe(200)
    expect(await visitor.text('/')).toContain(`<ul>${sound}</ul>`)
    expect((await lists(visitor, 1)).seen).toEqual([sound])
    await server.kill()
    await server.start()
    expect((await lists(visitor, 1)).seen).toEqual([sound])
    expect(await visitor.text('/')).toContain(`<ul>${sound}</ul>`)
  })

  it('has a page that leaves alone what it shows already, escaped text included', () => {
    const { document } = new JSDOM('<ul><li>Research &#38; &#60;Development&#62;</li></ul>').window
    const socket = new EventEmitter()
    const live = { subscribe: () => undefined, onStatus: () => undefined }
    runSnippet('browser.ts', 'docs/rendering.md', { document, io: () => socket, createLiveSession: () => live })
    const item = document.querySelector('li')
    socket.emit('list', '<li>Research &#38; &#60;Development&#62;</li>')
    expect(document.querySelector('li')).toBe(item)
    socket.emit('list', '<li>Sound &#38; Film</li>')
    expect(document.querySelector('ul')?.textContent).toBe('Sound & Film')
  })

  it('has a page that says why a text was taken back until there is another one, whatever becomes of the other filter', async () => {
    const { fields } = (await rendering.import('fields.ts')) as { fields: Fields }
    const { window } = new JSDOM('<select><option value="-1"><option value="0"></select><input><p role="status"></p>')
    const { document } = window
    const [select, input] = [document.querySelector('select'), document.querySelector('input')]
    const page = (): unknown[] => [select?.value, input?.value, document.querySelector('p')?.textContent]
    const type = (text: string): void => {
      input?.setRangeText(text, 0, input.value.length)
      input?.dispatchEvent(new window.Event('input'))
    }
    const live = testClient(fields)
    const io = (): EventEmitter => new EventEmitter()
    runSnippet('browser.ts', 'docs/rendering.md', { document, io, createLiveSession: () => live })
    type('x'.repeat(21))
    await live.flush()
    expect(page()).toEqual(['-1', '', 'At most 20 letters.'])
    live.receive({ division: 0 })
    expect([page(), live.status('division').status]).toEqual([['0', '', 'At most 20 letters.'], 'saving'])
    await live.flush()
    expect([page(), live.status('division').status]).toEqual([['0', '', 'At most 20 letters.'], 'saved'])
    type('x')
    expect(page()).toEqual(['0', 'x', ''])
  })
})

describe('docs/guest-settings.md', () => {
  it('has a chat whose names are in the table, and whose own table knows who said what', async () => {
    const others = { 'sqlite.ts': snippet('sqlite.ts', 'docs/stores.md') }
    const server = await startDocs('docs/guest-settings.md', 'chat.ts', { others })
    const [ann, bob] = [visitorOf(server), visitorOf(server)]
    expect(await ann.text('/')).toContain('You are anonymous')
    await bob.text('/')
    const socket = await ann.connect()
    expect(await socket.change('username', ' <Ann> ')).toMatchObject({ level: 'store' })
    expect(await socket.change('username', '')).toMatchObject({ code: 'invalid_value' })
    socket.io.emit('say', { text: 'none' })
    socket.io.emit('say', 'good <morning>')
    await within(
      () => ann.text('/'),
      (page) => page.includes('morning'),
    )
    await server.kill()
    await server.start()
    expect(await ann.text('/')).toContain('You are &#60;Ann&#62;</p><ul><li class="own">good &#60;morning&#62;</li>')
    expect(await bob.text('/')).toContain('You are anonymous</p><ul><li>good &#60;morning&#62;</li>')
    expect(ann.cookie).not.toContain(Buffer.from('Ann').toString('base64').slice(0, 3))
    const database = new Database(join(server.folder, 'settings.db'), { timeout: 1000 })
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

  it.each([
    ['ann', 'user:s:ann'],
    [1, 'user:n:1'],
  ])('says how the visitorId of the user %p is computed: of the subject %s', async (user, subject) => {
    expect(readFileSync('docs/stores-reference.md', 'utf8')).toContain(`\`${subject}\``)
    const routes: Koa.Middleware = (ctx) => {
      ctx.body = ctx.liveSession.visitorId
    }
    const app = await App.start({ options: { identify: () => user } as never, routes })
    expect(await app.visitor().text('/')).toBe(createHash('sha256').update(subject).digest('base64url'))
  })

  it('has a sign-in that takes the visitor’s own rows along', async () => {
    const moved: unknown[] = []
    const updating = {
      set: (to: object) => ({
        where: (...from: unknown[]) => ({ execute: async () => void moved.push([to, ...from]) }),
      }),
    }
    const { signIn } = runSnippet('sign-in.ts', 'docs/guest-settings.md', {}) as {
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

describe('the snippets of these pages', () => {
  itRunsSnippetsOf('docs/rendering.md', 'fields.ts', 'server.ts')
  itRunsSnippetsOf('docs/guest-settings.md', 'chat.ts', 'sign-in.ts')
})
