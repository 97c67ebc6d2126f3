import type { Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from '@jest/globals'
import Router from '@koa/router'
import { transformSync } from 'esbuild'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { onFlash } from 'koa-live-session/client'
import { defineFields } from 'koa-live-session/fields'
import session from 'koa-session'
import { Server, type Socket } from 'socket.io'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { awaited, once } from '../support/app/awaited.js'
import { bring, told } from '../support/app/hand-offs.js'
import { Visitor } from '../support/app/visitor.js'
import { snippet } from '../support/docs/readme.js'
import { runSnippet } from '../support/docs/run-snippet.js'

const PAGE = 'docs/flash-and-hand-off.md'
const RIGHT = 'correct horse battery staple'
const ends: (() => unknown)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

interface Guide {
  addRoutes(router: Router): void
  serve(socket: Socket): void
  showNotices(live: unknown, output: object): () => void
}

/** Runs the guide's server as a function whose arguments replace the imports. */
async function start(): Promise<Visitor> {
  const fields = defineFields({ division: { schema: z.number(), default: -1, client: 'write' } })
  const process = { env: { SECRET: 'a secret of at least thirty-two bytes', PORT: '0' } }
  const given = { Router, Koa, liveSession, session, Server, z, fields, process }
  const text = snippet('sign-in.ts', PAGE).replace(/^import .*$|^export /gm, '')
  const { code } = transformSync(`function server() {\n${text}\nreturn { http, io, live }\n}`, { loader: 'ts' })
  const run = new Function(...Object.keys(given), `${code}\nreturn server()`)
  const { http, io, live }: { http: HttpServer; io: Server; live: { close(): Promise<void> } } = run(
    ...Object.values(given),
  )
  if (!http.listening) await once(http, 'listening')
  const visitor = new Visitor(`http://127.0.0.1:${(http.address() as AddressInfo).port}`)
  ends.push(
    () => new Promise<void>((done) => void io.close(() => done())),
    () => live.close(),
    () => visitor.leave(),
  )
  return visitor
}

describe(PAGE, () => {
  it('shows each flash message once', async () => {
    const guide = {
      ...runSnippet('flash.ts', PAGE, {}),
      ...runSnippet('notices.ts', PAGE, { onFlash }),
    } as unknown as Guide
    const { addRoutes, serve, showNotices } = guide
    const router = new Router()
    addRoutes(router)
    router.get('/page', (ctx) => {
      ctx.body = ctx['liveSession'].snapshot()
    })
    const app = await App.start({ routes: router.routes() as never })
    app.io.on('connection', serve)
    const visitor = app.visitor()
    expect((await visitor.fetch('/save', { method: 'POST' })).status).toBe(303)
    expect(await visitor.text('/')).toContain('<p role="status">Saved.</p>')
    expect(await visitor.text('/')).not.toContain('Saved.')

    const page = await visitor.open({ path: '/page' })
    await page.connected()
    const shown = new Promise((resolve) => {
      showNotices(page.live, Object.defineProperty({}, 'value', { set: resolve }))
    })
    page.socket?.emit('archive')
    expect(await awaited('the notice', shown)).toBe('Archived.')
    expect(await visitor.text('/')).not.toContain('Archived.')
  })

  it('signs in over the socket', async () => {
    const visitor = await start()
    expect(await visitor.text('/')).toContain('Not signed in')
    const { io } = await visitor.connect()
    expect(await io.emitWithAck('sign in', 'ann', 'wrong')).toBe('That is not right')
    const next = told({ io })
    io.emit('sign in', 'ann', RIGHT, () => undefined)
    const token = await next
    const sent = await bring(visitor, token, {}, '/store_session')
    expect([sent.status, sent.headers.get('location')]).toEqual([307, '/sign-in'])
    const answer = await bring(visitor, token)
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/'])
    expect(await visitor.text('/')).toContain('Signed in')
  })

  it('signs in by a form, even without a cookie', async () => {
    const visitor = await start()
    const { io } = await visitor.connect()
    expect(await io.emitWithAck('sign in', 'ann', RIGHT)).toBe('post')
    for (const [password, words] of [
      ['wrong', 'Not signed in'],
      [RIGHT, 'Signed in'],
    ] as const) {
      const body = new URLSearchParams({ name: 'ann', password })
      const answer = await visitor.fetch('/sign-in', { method: 'POST', headers: { origin: visitor.url }, body })
      expect(answer.status).toBe(303)
      expect(await visitor.text('/')).toContain(words)
    }
  })
})
