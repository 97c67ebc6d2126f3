import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { MAX_BODY } from '../../shared/protocol.js'
import { App } from '../support/app.js'
import type { RawAnswer } from '../support/raw-http.js'

const json = { 'content-type': 'application/json' }
const five = '{"set":[["division",-1,"",5]]}'

const show = (app: App, cookie: string): Promise<string> => app.visitor(cookie).text('/')
const start = (): Promise<App> =>
  App.start({
    routes: (ctx) => {
      ctx.body = String(ctx.liveSession.get('division'))
    },
  })

/** A body that does not say how long it is, and ends only where it is told to. */
function pour(app: App, cookie: string, body: string, { ends }: { readonly ends: boolean }): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { ...json, cookie, 'transfer-encoding': 'chunked' }
    const req = request(`${app.url}/store_session`, { method: 'POST', headers }, async (res) => {
      resolve({ status: res.statusCode ?? 0, headers: res.headers, text: await text(res) })
      req.destroy()
    })
    req.on('error', reject)
    req.write(body)
    if (ends) req.end()
  })
}

describe('a body', () => {
  it.each([
    ['and says so', 'content-length'],
    ['and does not say how long it is', 'transfer-encoding'],
  ])('is taken where it has just 64 kB %s', async (_, header) => {
    const app = await start()
    const cookie = cookieFor(app.live, {})
    const body = five.padStart(MAX_BODY)
    const status =
      header === 'content-length'
        ? (await app.visitor(cookie).store(body)).status
        : (await pour(app, cookie, body, { ends: true })).status
    expect([status, await show(app, cookie)]).toEqual([200, '5'])
  })

  it('is refused where it says that it has a byte more than 64 kB', async () => {
    const app = await start()
    const answer = await app.visitor().store(five.padEnd(MAX_BODY + 1))
    expect([answer.status, (await answer.json()).error.code]).toEqual([413, 'too_large'])
  })

  it('is refused as soon as it has a byte more than 64 kB, though it goes on, and so ends the connection', async () => {
    const app = await start()
    const cookie = cookieFor(app.live, {})
    const answer = await pour(app, cookie, five.padEnd(MAX_BODY + 1), { ends: false })
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([413, { error: { code: 'too_large' } }])
    expect(answer.headers.connection).toBe('close')
    expect(await show(app, cookie)).toBe('-1')
  })

  it('leaves the app a request that can still say whose it is, where it was too long to be read', async () => {
    const senders: string[] = []
    const app = await App.start({
      before: () => [async (ctx, next) => next().then(() => void senders.push(ctx.ip))],
      attach: { handshake: [] },
    })
    await pour(app, cookieFor(app.live, {}), five.padEnd(MAX_BODY + 1), { ends: false })
    expect(senders).toEqual(['127.0.0.1'])
  })

  it('is refused where its text is no UTF-8, rather than stored as another text', async () => {
    const app = await start()
    const visitor = app.visitor(cookieFor(app.live, {}))
    const body = Buffer.from('{"set":[["cart",-1,"",["\xff"]]]}', 'latin1')
    const answer = await visitor.fetch('/store_session', { method: 'POST', headers: json, body })
    expect([answer.status, (await answer.json()).error.code]).toEqual([400, 'malformed'])
  })

  it('sets nothing where it breaks off, also where what has arrived is JSON by itself', async () => {
    let [breakOff, end] = [(): void => undefined, (): void => undefined]
    const ended = new Promise<void>((resolve) => {
      end = resolve
    })
    const app = await App.start({
      before: () => [
        async (ctx, next) => {
          if (ctx.method === 'POST') ctx.req.once('readable', () => breakOff())
          await next().finally(() => ctx.method === 'POST' && end())
        },
      ],
      routes: (ctx) => {
        ctx.body = String(ctx.liveSession.get('division'))
      },
      attach: { handshake: [] },
    })
    const cookie = cookieFor(app.live, {})
    const headers = { ...json, cookie, 'content-length': '100' }
    const req = request(`${app.url}/store_session`, { method: 'POST', headers })
    req.on('error', () => undefined)
    breakOff = () => void req.destroy()
    req.write(five)
    await ended
    expect(await show(app, cookie)).toBe('-1')
  })
})
