import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { SocketSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { REFUSAL_CHANNEL, type RefusalMessage } from '../../server/settings/report.js'
import { App, appFields } from '../support/app/app.js'
import { account, auth, identify } from '../support/app/auth.js'
import { present } from '../support/app/present.js'
import { send } from '../support/app/raw-http.js'
import type { TestSocket } from '../support/app/socket.js'
import type { Visitor } from '../support/app/visitor.js'

const fields = defineFields({
  ...appFields,
  step: { schema: z.number().int(), default: 1, client: 'write', scope: 'tab' },
})

let refusals: string[] = []
const hear = (message: unknown): void => {
  const { where, code } = message as RefusalMessage
  refusals.push(`${where} ${code}`)
}
beforeEach(() => {
  refusals = []
  subscribe(REFUSAL_CHANNEL, hear)
})
afterEach(() => {
  unsubscribe(REFUSAL_CHANNEL, hear)
})

/** The values of `step` read by the app's `connection` handlers. */
let seen: unknown[] = []

async function start(): Promise<App<typeof fields>> {
  seen = []
  const app = await App.start({
    fields,
    before: (koa) => [auth(koa)],
    options: { identify } as never,
    routes: async (ctx, next) => {
      if (ctx.path === '/page') ctx.body = ctx.liveSession.snapshot()
      else await account(ctx, next)
    },
  })
  app.io.on('connection', (socket) => {
    seen.push((socket.liveSession as unknown as SocketSession<typeof fields>).get('step'))
  })
  return app
}

/** Opens a tab with these tickets in `auth`. */
async function tab(visitor: Visitor, ...liveTab: unknown[]): Promise<TestSocket> {
  const socket = await visitor.connect('/', {}, { liveTab: liveTab.length === 1 ? liveTab[0] : liveTab })
  await socket.greeted
  return socket
}

/** Sets a step in a tab, and returns the ticket of this change. */
async function ticketOf(visitor: Visitor, step = 3): Promise<string> {
  await visitor.text('/page')
  const socket = await tab(visitor)
  await socket.change('step', step)
  return present(socket.tickets.findLast(({ claims }) => claims.changes[0]?.[0] === 'step')).text
}

const to = (destination: string) => ({ 'sec-fetch-dest': destination })
const OVER_HTTP = { 'upgrade-insecure-requests': '1' }

async function step(visitor: Visitor, text: string, headers: Record<string, string> = OVER_HTTP): Promise<unknown> {
  const cookie = `${visitor.cookie}; live-tab=${text}`
  // Not `fetch`, which sends a `Sec-Fetch-Mode` of its own.
  const { text: snapshot } = await send(`${visitor.url}/page`, { headers: { cookie, ...headers } })
  return JSON.parse(snapshot).values.step
}

describe('threat 74: tickets of a tab', () => {
  it('are accepted from their own browser, in auth and live-tab', async () => {
    const app = await start()
    const visitor = app.visitor()
    const ticket = await ticketOf(visitor)
    await tab(visitor, [ticket])
    expect(seen).toEqual([1, 3])
    expect([await step(visitor, ticket), await step(visitor, ticket, to('document')), refusals]).toEqual([3, 3, []])
  })

  it('are accepted from a service worker that fetches a page', async () => {
    const visitor = (await start()).visitor()
    const ticket = await ticketOf(visitor)
    expect(await step(visitor, ticket, { ...to('empty'), 'sec-fetch-mode': 'navigate' })).toBe(3)
  })

  it.each<[string, string, (app: App<typeof fields>, own: string) => Promise<unknown> | unknown]>([
    ['of another browser', 'other_visitor', async (app) => [await ticketOf(app.visitor(), 9)]],
    ['forged', 'bad_ticket', (_, own) => [`${own.slice(0, -4)}AAAA`]],
    ['beside a forged ticket', 'bad_ticket', (_, own) => [own, 'forged']],
    ['of 70 kB', 'malformed', (_, own) => Array.from({ length: 200 }, () => own)],
    ['not in a list', 'malformed', (_, own) => own],
    ['as objects', 'malformed', () => [{}]],
    [
      'of the browser itself',
      'other_visitor',
      async (app) => {
        const socket = await tab(app.visitor())
        return [(await socket.greeted).greeting?.[0]]
      },
    ],
  ])('are ignored and reported in a handshake: %s', async (_, code, make) => {
    const app = await start()
    const visitor = app.visitor()
    const given = await make(app, await ticketOf(visitor))
    refusals = []
    seen = []
    const socket = await visitor.connect('/', {}, { liveTab: given })
    await socket.greeted
    expect([seen, refusals]).toEqual([[1], [`handshake ${code}`]])
    expect(await socket.change('step', 4)).toMatchObject({ level: 'memory' })
  })

  it('are ignored if foreign or forged, and outside page loads', async () => {
    const app = await start()
    const visitor = app.visitor()
    const own = await ticketOf(visitor)
    const other = await ticketOf(app.visitor(), 9)
    expect(await step(visitor, other)).toBe(1)
    expect(await step(visitor, `${own.slice(0, -4)}AAAA`)).toBe(1)
    expect(await step(visitor, Array.from({ length: 20 }, () => own).join('~'))).toBe(3)
    expect(refusals).toEqual(['request other_visitor', 'request bad_ticket'])
    for (const headers of [...['iframe', 'image', 'empty', 'script'].map(to), {}])
      expect([headers, await step(visitor, own, headers)]).toEqual([headers, 1])
  })

  it('are rate-limited by their size', async () => {
    const app = await start()
    const visitor = app.visitor()
    const own = await ticketOf(visitor)
    const many = Array.from({ length: Math.floor(64_000 / own.length) }, () => own)
    for (let i = 0; i < 20; i += 1) (await visitor.connect('/', {}, { liveTab: many })).io.disconnect()
    expect(refusals.filter((one) => one === 'handshake rate_limited').length).toBeGreaterThan(0)
  })

  it.each(['/login/now?user=ann', '/logout'])('are ignored after %s retires the browser id', async (path) => {
    const app = await start()
    const visitor = app.visitor()
    if (path === '/logout') await visitor.fetch('/login/now?user=ann')
    const own = await ticketOf(visitor)
    const { cookie } = visitor
    await visitor.fetch(path)
    await visitor.text('/page')
    expect(visitor.cookie).not.toBe(cookie)
    seen = []
    refusals = []
    await tab(visitor, [own])
    expect([await step(visitor, own), seen, refusals]).toEqual([
      1,
      [1],
      ['handshake other_visitor', 'request other_visitor'],
    ])
  })

  it('reach neither another tab nor the cookie', async () => {
    const app = await start()
    const visitor = app.visitor()
    await visitor.text('/page')
    const [one, two] = [await tab(visitor), await tab(visitor)]
    await one.change('step', 3)
    await one.change('division', 4)
    await two.ticket()
    expect(two.tickets.flatMap(({ claims }) => claims.changes)).not.toContainEqual(['step', expect.anything(), 3])
    const text = /(?:^|; )live=([^;]*)/.exec(visitor.cookie)?.[1] ?? ''
    expect(Buffer.from(text, 'base64').toString()).not.toContain('step')
  })
})
