import type { Server } from 'node:http'
import { describe, expect, it } from '@jest/globals'
import type { Socket } from 'socket.io'
import { connect } from 'socket.io-client'
import { App } from '../support/app.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { serve } from '../support/serve.js'
import { SnippetFolder } from '../support/snippet-folder.js'

/** What the snippets of the page export. */
interface Guide {
  readonly http: Server
  listen(socket: Socket): () => void
}

const PAGE = 'docs/sockets.md'
const folder = SnippetFolder.of(PAGE)

describe(PAGE, () => {
  it('has a handler that sends a view at once and after a change, and sets what the page and the next request read', async () => {
    const { http } = (await folder.import('server.ts')) as Guide
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
    expect(figures).toEqual(['costs of all divisions', 'costs of division 3'])
    expect((await visitor.store({ tickets })).status).toBe(200)
    io.disconnect()
    const [, values = ''] = /<script type="application\/json"[^>]*>(.*?)<\/script>/s.exec(await visitor.text('/')) ?? []
    expect(JSON.parse(values)).toMatchObject({ values: { cart: ['tea', 'milk'], division: 3 } })
  })

  it('has calls that tell a page what it is, what has changed, and nothing more once they have ended', async () => {
    const { listen } = (await folder.import('calls.ts')) as Guide
    const app = await App.start()
    const ends: (() => void)[] = []
    app.io.on('connection', (socket) => ends.push(listen(socket)))
    const socket = await app.visitor().connect()
    const heard: unknown[] = []
    // The empty cart of the beginning may be there already.
    socket.io.on('cart', (cart) => cart.length > 0 && heard.push(cart))
    socket.io.on('changed', (...change) => heard.push(change))
    expect(await socket.set(['cart', -1, '', ['tea']], ['division', -1, '', 3])).toHaveProperty('results')
    ends[0]?.()
    expect(await socket.change('cart', ['milk'])).toHaveProperty('stamp')
    expect(heard).toEqual([
      ['tea'],
      ['cart', ['tea'], 'socket'],
      ['division', 3, 'socket'],
      ['cart', ['milk'], 'socket'],
    ])
  })

  itRunsSnippetsOf(PAGE)
})
