import { unsubscribe } from 'node:diagnostics_channel'
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import Router from '@koa/router'
import Koa from 'koa'
import { type LiveSessionPlugin, liveSession as makeLiveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { Server } from 'socket.io'
import { z } from 'zod'
import { runSnippet } from '../support/run-snippet.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'

const PAGE = 'docs/troubleshooting.md'
const SECRET = 'a secret of at least thirty-two bytes'

const fields = defineFields({ division: { schema: z.number().int(), default: -1, client: 'write' } })

const { NODE_ENV, SECRET: formerSecret } = process.env
const running = new Set<HttpServer>()
const lives: { close(): Promise<void> }[] = []
// What is refused here is told in the log.
const warnings: string[] = []
beforeEach(() => void jest.spyOn(console, 'warn').mockImplementation((text: string) => void warnings.push(text)))
afterEach(async () => {
  restore('NODE_ENV', NODE_ENV)
  restore('SECRET', formerSecret)
  for (const http of running) {
    http.closeAllConnections()
    http.close()
  }
  running.clear()
  for (const live of lives.splice(0)) await live.close()
})

function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}

async function listen(http: HttpServer): Promise<string> {
  running.add(http)
  await new Promise<void>((listening) => http.listen(0, '127.0.0.1', listening))
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`
}

/** As an app calls it; after the test nothing of it watches what the process tells. */
function liveSession(app: Koa, options: { readonly fields: typeof fields }): LiveSessionPlugin<typeof fields> {
  const live = makeLiveSession(app, options)
  lives.push(live)
  return live
}

/** The app of `app.ts`, where NODE_ENV is that. */
function startApp(environment: string): Promise<string> {
  process.env['NODE_ENV'] = environment
  process.env['SECRET'] = SECRET
  const given = { createServer, Koa, liveSession, Server, fields }
  const { http } = runSnippet('app.ts', PAGE, given) as unknown as { readonly http: HttpServer }
  return listen(http)
}

describe('the inspector of docs/troubleshooting.md', () => {
  it('has an app that is inspected in development, and not in production', async () => {
    const [development, production] = [await startApp('development'), await startApp('production')]
    const address = `${development}/inspector`
    expect((await fetch(address)).status).toBe(403)
    const [, token = ''] = /inspector: open its address with (\?token=\S+)/.exec(warnings.join(' ')) ?? []
    const { headers: opened } = await fetch(address + token, { redirect: 'manual' })
    const headers = { cookie: opened.getSetCookie()[0]?.split(';')[0] ?? '' }
    expect(await (await fetch(address, { headers })).text()).toContain('<title>Inspector')
    expect(await (await fetch(`${address}?part=script`, { headers })).text()).toContain('addEventListener')
    expect((await fetch(`${address}?deed=restart`, { method: 'POST', headers })).status).toBe(200)
    expect(await (await fetch(development)).text()).toContain('division -1')
    const answer = await (await fetch(`${production}/inspector`)).text()
    expect(answer).toContain('division -1')
    expect(answer).not.toContain('Inspector')
  })

  it('has an inspector for production, which an administrator alone gets', async () => {
    process.env['NODE_ENV'] = 'production'
    const { addInspector } = runSnippet('guarded.ts', PAGE, {}) as {
      readonly addInspector: (router: Router, live: LiveSessionPlugin<typeof fields>) => void
    }
    const app = new Koa({ keys: [SECRET] })
    const router = new Router()
    addInspector(router, liveSession(app, { fields }))
    app.use((ctx, next) => {
      ctx['session'] = { role: ctx.get('x-role') }
      return next()
    })
    app.use(router.routes())
    const url = await listen(createServer(app.callback()))
    const statusOf = async (role: string): Promise<number> => {
      return (await fetch(`${url}/inspector`, { headers: { 'x-role': role } })).status
    }
    expect([await statusOf('admin'), await statusOf('buyer'), await statusOf('')]).toEqual([200, 403, 403])
  })

  it('has a count of refusals by where and why', async () => {
    const listeners: [string, (message: unknown) => void][] = []
    const { subscribe } = await import('node:diagnostics_channel')
    const { refusals } = runSnippet('channels.ts', PAGE, {
      subscribe: (name: string, listener: (message: unknown) => void) => {
        listeners.push([name, listener])
        subscribe(name, listener)
      },
    }) as { readonly refusals: Map<string, number> }
    const url = await startApp('development')
    for (const method of ['GET', 'POST', 'POST'])
      await fetch(`${url}/store_session`, {
        method,
        headers: { origin: method === 'GET' ? url : 'https://evil.example' },
      })
    for (const [name, listener] of listeners) unsubscribe(name, listener)
    expect([...refusals]).toEqual([
      ['request malformed', 1],
      ['request bad_origin', 2],
    ])
  })

  itRunsSnippetsOf(PAGE, 'app.ts', 'guarded.ts')
})
