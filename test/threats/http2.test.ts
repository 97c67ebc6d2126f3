import { type ClientHttp2Stream, connect, constants, createServer, type IncomingHttpHeaders } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import session from 'koa-session'
import { loginOf } from '../../server/features/session-store/sign-in.js'
import { coreOf } from '../../server/plugin.js'
import { MAX_BODY } from '../../shared/protocol.js'
import { App, type AppFields, type AppOptions } from '../support/app/app.js'
import { appSessionsOf } from '../support/app/app-sessions.js'
import { once } from '../support/app/awaited.js'
import { Gate } from '../support/app/gate.js'
import { readCookie } from '../support/app/signed-cookie.js'

const closings: (() => void)[] = []
afterEach(() => {
  for (const close of closings.splice(0)) close()
})

interface Sent {
  readonly stream: ClientHttp2Stream
  readonly answer: Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: string }>
}

/** Starts the app behind HTTP/2 without TLS, with a client of one connection. */
async function start(given: AppOptions<AppFields> = {}) {
  const app = await App.start(given)
  const server = createServer(app.koa.callback()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const client = connect(url)
  closings.push(() => {
    client.destroy()
    server.close()
  })
  /** A request without a body ends at once. */
  const send = (path: string, headers: Record<string, string>, body?: string, ends = true): Sent => {
    const method = body === undefined ? {} : { ':method': 'POST' }
    const stream = client.request({ ':path': path, ...method, ...headers }, { endStream: body === undefined })
    if (body !== undefined) stream.write(body)
    if (ends && body !== undefined) stream.end()
    const answer = once(stream, 'response').then(async ([head]: IncomingHttpHeaders[]) => {
      const headers = head ?? {}
      let body = ''
      // Iteration would fail for a stream with a truncated request body.
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      await once(stream, 'end')
      return { status: Number(headers[':status']), headers, body }
    })
    return { stream, answer }
  }
  const post = (body: string, headers: Record<string, string> = {}, ends = true): Sent =>
    send('/store_session', { 'content-type': 'application/json', origin: url, ...headers }, body, ends)
  return { app, send, post }
}

const live = (headers: IncomingHttpHeaders): string =>
  headers['set-cookie']?.map((line) => line.split(';')[0]).join('; ') ?? ''
const five = '{"set":[["division",-1,"",5]]}'

describe('threat 53: a server with HTTP/2', () => {
  it('accepts a POST without a length, and responds with a cookie', async () => {
    const { app, send, post } = await start({
      routes: (ctx) => {
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    const { status, headers, body } = await post(five).answer
    expect([status, JSON.parse(body)]).toMatchObject([200, { results: [{ stamp: expect.any(Number) }], persisted: [] }])
    expect(headers).toMatchObject({ 'cache-control': 'no-store', vary: 'Cookie' })
    expect(readCookie(live(headers))).toMatchObject({ r: [['division', app.clock.now(), 5]] })
    const read = await send('/', { cookie: live(headers) }).answer
    expect([read.status, read.body]).toEqual([200, '5'])
  })

  it('accepts a cookie in several headers', async () => {
    const { app, send } = await start({
      routes: (ctx) => {
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    const pairs = cookieFor(app.live, { values: { division: 7 } }).split('; ')
    const { answer } = send('/', { cookie: ['theme=dark', ...pairs] as never })
    expect((await answer).body).toBe('7')
  })

  it('keeps no pending rotation after leave() in an aborted request', async () => {
    const entered = new Gate()
    const left = new Gate()
    const { app, send } = await start({
      routes: async (ctx) => {
        const gone = once(ctx.res, 'close')
        void entered.pass()
        await gone
        await ctx.liveSession.leave()
        void left.pass()
        ctx.body = ''
      },
    })
    const cookie = cookieFor(app.live, { browserId: 'a-browser-of-22-letters' })
    const { stream, answer } = send('/', { cookie })
    stream.on('error', () => undefined)
    answer.catch(() => undefined)
    await entered.entered
    stream.close(constants.NGHTTP2_CANCEL)
    await left.entered
    expect(coreOf(app.live).endings.isPending('browser:a-browser-of-22-letters')).toBe(false)
  })

  it('ends the login of a session at leave() in an aborted request', async () => {
    const [entered, left] = [new Gate(), new Gate()]
    const { app, send } = await start({
      options: { identify: (ctx) => ctx['session']?.user },
      before: (koa, live) => [session({ key: 'app', store: live.sessionStore() }, koa)],
      routes: async (ctx) => {
        ctx.body = ''
        if (ctx.path === '/in') {
          ctx['session'].user = 'ann'
          return ctx.liveSession.identify()
        }
        const gone = once(ctx.res, 'close')
        void entered.pass()
        await gone
        delete ctx['session'].user
        await ctx.liveSession.leave()
        void left.pass()
      },
    })
    const { headers } = await send('/in', {}).answer
    const [own] = [...appSessionsOf(app.live).all()]
    const { stream, answer } = send('/out', { cookie: live(headers) })
    stream.on('error', () => undefined)
    answer.catch(() => undefined)
    await entered.entered
    stream.close(constants.NGHTTP2_CANCEL)
    await left.entered
    expect(own && coreOf(app.live).ends.isRetired(loginOf(own.name, undefined))).toBe(true)
  })

  it('closes only the stream of an endless body', async () => {
    const warnings: Error[] = []
    const hear = (warning: Error): void => void warnings.push(warning)
    process.on('warning', hear)
    closings.push(() => process.off('warning', hear))
    const { post } = await start()
    const { stream, answer } = post(five.padEnd(MAX_BODY + 1), {}, false)
    const closed = once(stream, 'close')
    const { status, body, headers } = await answer
    expect([status, JSON.parse(body)]).toMatchObject([413, { error: { code: 'too_large' } }])
    expect(headers['connection']).toBeUndefined()
    await closed
    expect((await post(five).answer).status).toBe(200)
    // Node warns about headers that HTTP/2 forbids.
    expect(warnings).toEqual([])
  })
})

describe('threat 101: a server with HTTP/2', () => {
  it('warns of a response head over 4,000 bytes', async () => {
    const { app, send } = await start({
      routes: async (ctx) => {
        await ctx.liveSession.set('division', 5)
        ctx.set('X-Trace', 't'.repeat(4000))
        ctx.body = ''
      },
    })
    expect((await send('/', {}).answer).status).toBe(200)
    expect(app.warnings.at(-1)).toContain('a response head with the live cookie')
  })
})
