import type { Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from '@jest/globals'
import Router from '@koa/router'
import { JSDOM } from 'jsdom'
import Koa from 'koa'
import { type LiveSessionPlugin, liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import session from 'koa-session'
import { Server } from 'socket.io'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { AuthStore, auth, pages } from '../support/app/auth.js'
import { awaited, once } from '../support/app/awaited.js'
import type { TestSocket } from '../support/app/socket.js'
import { Visitor } from '../support/app/visitor.js'
import { runSnippet } from '../support/docs/run-snippet.js'

interface Guide extends Record<string, unknown> {
  readonly http: HttpServer
  readonly io: Server
  readonly live: LiveSessionPlugin
  signOutEverywhere(id: string): Promise<void>
  deleteAccount(id: string): Promise<void>
}

const PAGE = 'docs/users.md'
const fields = defineFields({ division: { schema: z.number(), default: -1, client: 'write' } })
const ends: (() => unknown)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** The page's app on a free port, with its errors. */
async function start(store?: AuthStore): Promise<{ guide: Guide; errors: unknown[]; visitor(): Visitor }> {
  process.env['SECRET'] = 'a secret of at least thirty-two bytes'
  const errors: unknown[] = []
  const given = {
    fields,
    liveSession,
    Server,
    session: (options: object, koa: Koa) => session({ ...options, ...(store && { store }) }, koa),
    Koa: class extends Koa {
      override listen(): HttpServer {
        this.on('error', (error) => errors.push(error))
        return super.listen(0, '127.0.0.1')
      }
    },
    Router,
  }
  const server = runSnippet('server.ts', PAGE, given)
  const guide = { ...server, ...runSnippet('everywhere.ts', PAGE, { live: server['live'] }) } as Guide
  const { http } = guide
  ends.push(() => {
    http.closeAllConnections()
    http.close()
  })
  if (!http.listening) await once(http, 'listening')
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  return { guide, errors, visitor: () => new Visitor(url) }
}

const division = async (visitor: Visitor): Promise<string | undefined> =>
  /<output>(.*?)<\/output>/.exec(await visitor.text('/'))?.[1]

async function post(visitor: Visitor, ...paths: string[]): Promise<readonly number[]> {
  const statuses: number[] = []
  for (const path of paths) statuses.push((await visitor.fetch(path, { method: 'POST' })).status)
  return statuses
}

describe(PAGE, () => {
  it.each([
    ['the cookie', undefined],
    ['a store', new AuthStore()],
  ])('signs in and out without errors, with sessions in %s', async (_, store) => {
    const { guide, errors, visitor } = await start(store)
    const [one, two] = [visitor(), visitor()]
    const divisions = (): Promise<unknown[]> => Promise.all([one, two].map(division))
    expect((await one.store({ set: [['division', -1, '', 5]] })).status).toBe(200)
    for (const device of [one, two]) expect(await post(device, '/login')).toEqual([302])
    expect(await divisions()).toEqual(['5', '5'])
    expect(await post(one, '/logout', '/login', '/logout', '/logout')).toEqual([302, 302, 302, 302])
    expect(await divisions()).toEqual(['-1', '5'])
    expect((await one.store()).status).toBe(200)
    await post(one, '/login')
    const socket = await two.connect()
    await guide.signOutEverywhere('ann')
    expect(await socket.closed).toBe('transport close')
    expect(await divisions()).toEqual(['-1', '-1'])
    for (const device of [one, two]) expect((await (await device.connect()).ticket()).claims.changes).toEqual([])
    for (const device of [one, two]) await post(device, '/login')
    expect(await divisions()).toEqual(['5', '5'])
    const second = await two.connect()
    await guide.deleteAccount('ann')
    expect(await second.closed).toBe('transport close')
    for (const device of [one, two]) await device.fetch('/')
    await post(one, '/login')
    expect(await division(one)).toBe('-1')
    expect(errors).toEqual([])
  })

  it.each([
    ['stays signed in without a store', undefined, '5'],
    ['is a guest with a store', new AuthStore(), '-1'],
  ])('threat 120: a copied session cookie %s after the sign-out', async (_, store, expected) => {
    const { visitor } = await start(store)
    const one = visitor()
    await post(one, '/login')
    expect((await one.store({ set: [['division', -1, '', 5]] })).status).toBe(200)
    const copy = new Visitor(one.url, one.cookie)
    expect(await post(one, '/logout')).toEqual([302])
    expect(await division(copy)).toBe(expected)
  })

  it('sends an event to all pages of a user, until a sign-out', async () => {
    const { guide, visitor } = await start()
    const { notify } = runSnippet('notify.ts', PAGE, { io: guide.io }) as { notify(id: string, text: string): boolean }
    const heard: string[] = []
    const connect = async (name: string, device: Visitor): Promise<TestSocket> => {
      const socket = await device.connect()
      socket.io.on('notice', (text) => heard.push(`${name}: ${text}`))
      return socket
    }
    const [one, two, guest] = [visitor(), visitor(), visitor()]
    for (const device of [one, two]) await post(device, '/login')
    const tabs = [await connect('tab 1', one), await connect('tab 2', one)]
    const others = [await connect('device 2', two), await connect('guest', guest)]
    notify('ann', 'hello')
    for (const socket of [...tabs, ...others]) await socket.exchange({})
    expect(heard.sort()).toEqual(['device 2: hello', 'tab 1: hello', 'tab 2: hello'])

    await post(one, '/logout')
    for (const { closed } of tabs) await closed
    others.push(await connect('tab 1', one))
    notify('ann', 'goodbye')
    for (const socket of others) await socket.exchange({})
    expect(heard.slice(3)).toEqual(['device 2: goodbye'])
  })

  it('reloads the page for another user, and flushes before a submit', async () => {
    const app = await App.start({
      before: (koa) => [auth(koa)],
      options: { identify: (ctx) => ctx['session']?.user },
      routes: pages,
    })
    const visitor = app.visitor()
    const page = await visitor.open({ path: '/page' })
    await page.connected()
    const { document, HTMLFormElement } = new JSDOM('<body data-user=""><form id="sign-in"></form>').window
    let reload = (): void => undefined
    const reloaded = new Promise<void>((resolve) => {
      reload = resolve
    })
    const given = {
      createLiveSession: () => page.live,
      io: () => page.socket,
      document,
      location: { reload: () => reload() },
    }
    runSnippet('browser.ts', PAGE, given)

    const submitted = new Promise((resolve) => {
      HTMLFormElement.prototype.submit = () => resolve(page.live.status('division').status)
    })
    runSnippet('form.ts', PAGE, { live: page.live, document })
    void page.live.set('division', 3)
    document.querySelector('form')?.requestSubmit()
    expect(await awaited('the submit', submitted)).toBe('saved')

    await visitor.fetch('/login/now?user=ann')
    await awaited('the reload', reloaded)
  })
})
