import type { Server } from 'node:http'
import { describe, expect, it } from '@jest/globals'
import { transformSync } from 'esbuild'
import { JSDOM } from 'jsdom'
import type Koa from 'koa'
import type { LiveSessionPlugin } from 'koa-live-session'
import { createLiveSession, type LiveSessionClient } from 'koa-live-session/client'
import { connect } from 'socket.io-client'
import { snippet } from '../support/readme.js'
import { ends, startDocs, visitorOf } from '../support/running-docs.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { serve } from '../support/serve.js'
import { FIELDS_PAGE, SnippetFolder } from '../support/snippet-folder.js'

/** What the snippets of the page export. */
interface Guide {
  readonly app: Koa
  readonly live: LiveSessionPlugin
  readonly http: Server
}

const PAGE = 'docs/pages-and-sockets.md'
const WITHOUT = 'docs/without-a-socket.md'
const folder = SnippetFolder.of(PAGE)
const others = { 'fields.ts': snippet('fields.ts', FIELDS_PAGE) }

describe('a request', () => {
  it('has a cart that a form fills', async () => {
    const { app } = (await folder.import('server.ts')) as Guide
    const visitor = await serve(app)
    expect(await visitor.text('/')).toContain('0 in your cart')
    const answer = await visitor.fetch('/', { method: 'POST' })
    expect(await answer.text()).toContain('1 in your cart')
    await visitor.fetch('/', { method: 'POST' })
    expect(await visitor.text('/')).toContain('2 in your cart')
    expect(folder.warnings).toEqual([expect.stringContaining('fields risk: not in the cookie, and there is no store')])
  })

  itRunsSnippetsOf(PAGE, 'server.ts')
})

describe('a socket handler', () => {
  it('has a handler that sends a view at once and after a change, and sets what the page and the next request read', async () => {
    const { http } = (await folder.import('socket.ts')) as Guide
    const visitor = await serve(http)
    await visitor.text('/')
    const io = connect(visitor.url, {
      transports: ['websocket'],
      forceNew: true,
      extraHeaders: { cookie: visitor.cookie, origin: visitor.url },
    })
    const [figures, tickets]: [string[], string[]] = [[], []]
    io.on('figures', (text: string) => figures.push(text))
    io.on('store_session', (ticket: string) => tickets.push(ticket))
    expect(await io.emitWithAck('add', 'tea')).toBe(1)
    expect(await io.emitWithAck('add', 'milk')).toBe(2)
    expect(await io.emitWithAck('add', 'x'.repeat(5000))).toBe('too_large')
    await io.emitWithAck('live_session:sync', { set: [['division', -1, '', 3]] })
    expect(figures).toEqual(['costs of division -1', 'costs of division 3'])
    expect((await visitor.store({ tickets })).status).toBe(200)
    io.disconnect()
    const [, values = ''] = /<script type="application\/json"[^>]*>(.*?)<\/script>/s.exec(await visitor.text('/')) ?? []
    expect(JSON.parse(values)).toMatchObject({ values: { cart: ['tea', 'milk'], division: 3 } })
  })

  itRunsSnippetsOf(PAGE, 'socket.ts')
})

describe('a page without a socket', () => {
  it('has a form that sets the theme without a script, which the answer and the next page show', async () => {
    const server = await startDocs(WITHOUT, 'form.ts', { others })
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

  it('has a script for the same form, which is not sent then, and saves', async () => {
    const server = await startDocs(WITHOUT, 'form.ts', { others })
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
    const { code } = transformSync(snippet('page.ts', WITHOUT).replace(/^(import .*|export )/gm, ''), { loader: 'ts' })
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

  itRunsSnippetsOf('docs/without-a-socket.md')
})
