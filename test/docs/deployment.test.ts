import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import type { LiveSessionPlugin } from 'koa-live-session'
import type { DocsServer } from '../support/docs-server.js'
import { send } from '../support/raw-http.js'
import { snippet } from '../support/readme.js'
import { startDocs, visitorOf } from '../support/running-docs.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { SnippetFolder } from '../support/snippet-folder.js'
import { upgrade } from '../support/stranger.js'
import type { Visitor } from '../support/visitor.js'

const PAGE = 'docs/deployment.md'
const folder = SnippetFolder.of(PAGE)
const [OLD, NEW] = ['the former secret of at least 32 bytes', 'a secret of at least thirty-two bytes']
/** What the proxy says of a request. */
const PROXIED = { 'x-forwarded-proto': 'https', 'sec-fetch-site': 'same-origin' }

const others = { 'fields.ts': snippet('fields.ts'), 'browser.js': '' }
const start = (SECRETS: string): Promise<DocsServer> => startDocs(PAGE, 'server.ts', { others, variables: { SECRETS } })

/** What a page shows to a visitor, who has the cookies of its answer then. */
async function division(visitor: Visitor): Promise<string> {
  const html = await (await visitor.fetch('/', { headers: PROXIED })).text()
  return /<output>(.*?)<\/output>/.exec(html)?.[1] ?? html
}

/** A POST that sets a value, of which half is under way; `finish` sends the rest and resolves with the answer. */
async function halfOf(
  { url }: DocsServer,
  { cookie }: Visitor,
  value: number,
): Promise<() => Promise<IncomingMessage>> {
  const body = JSON.stringify({ set: [['division', -1, '', value]] })
  const headers = { ...PROXIED, cookie, 'content-type': 'application/json', 'content-length': body.length }
  const post = request(`${url}/store_session`, { method: 'POST', headers: { ...headers, expect: '100-continue' } })
  post.flushHeaders()
  // The server has the request: it asks for the body.
  await once(post, 'continue')
  post.write(body.slice(0, 10))
  return async () => {
    const answered = once(post, 'response')
    post.end(body.slice(10))
    const [answer] = await answered
    return answer
  }
}

describe(PAGE, () => {
  it('has an app for a frame of another site, whose cookie is of the site that embeds it', async () => {
    process.env['SECRET'] = NEW
    const { app, live } = (await folder.import('framed.ts')) as { app: Koa; live: LiveSessionPlugin }
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${Object(server.address()).port}`
    const set = JSON.stringify({ set: [['division', -1, '', 7]] })
    const headers = { ...PROXIED, 'content-type': 'application/json' }
    const posted = await fetch(`${url}/store_session`, { method: 'POST', headers, body: set })
    const [cookie = ''] = posted.headers.getSetCookie()
    expect(cookie).toMatch(/^__Host-live-part=.*; partitioned$/)
    const answer = await fetch(url, { headers: { ...PROXIED, cookie: posted.headers.getSetCookie().join('; ') } })
    expect([await answer.text(), answer.headers.get('content-security-policy')]).toEqual([
      '7',
      'frame-ancestors https://portal.example',
    ])
    await live.close()
    server.closeAllConnections()
    server.close()
  })

  it('has a server that says it is well, and makes no visitor of who asks', async () => {
    const server = await start(NEW)
    const { status, headers } = await fetch(`${server.url}/health`, { headers: PROXIED })
    expect([status, headers.getSetCookie(), headers.get('vary')]).toEqual([200, [], null])
  })

  it('has a server that loses nothing at SIGTERM: neither what was acknowledged, nor what is half said', async () => {
    const server = await start(NEW)
    const [ann, bob] = [visitorOf(server), visitorOf(server)]
    for (const visitor of [ann, bob]) await visitor.fetch('/', { headers: PROXIED })
    const socket = await ann.connect('/', { ...PROXIED, origin: server.url.replace('http:', 'https:') })
    const finish = await halfOf(server, bob, 7)
    expect(await socket.change('division', 3)).toHaveProperty('stamp')
    const ended = server.end('SIGTERM')
    const answer = await finish()
    await text(answer)
    expect([answer.statusCode, await ended]).toEqual([200, 0])
    expect(await socket.closed).toBe('transport close')

    const { text: ticket } = socket.tickets.at(-1) ?? { text: '' }
    const posted = answer.headers['set-cookie'] ?? []
    for (const cookie of posted) bob.jar.setCookieSync(cookie, bob.url)
    await server.start({ SECRETS: NEW })
    expect(await division(bob)).toBe('7')
    expect((await ann.store({ tickets: [ticket] }, PROXIED)).status).toBe(200)
    expect(await division(ann)).toBe('3')
  })

  it('has secrets that are changed without a visitor noticing, and one that is taken out at once', async () => {
    const server = await start(OLD)
    const visitor = visitorOf(server)
    await division(visitor)
    const set = (value: number): Promise<Response> => visitor.store({ set: [['division', -1, '', value]] }, PROXIED)
    const restart = async (SECRETS: string): Promise<void> => {
      await server.kill()
      await server.start({ SECRETS })
    }
    expect((await set(3)).status).toBe(200)
    for (const secrets of [`${OLD},${NEW}`, `${NEW},${OLD}`]) {
      await restart(secrets)
      expect(await division(visitor)).toBe('3')
    }
    expect((await set(4)).status).toBe(200)
    await restart(NEW)
    expect(await division(visitor)).toBe('4')
    await restart(OLD)
    expect(await division(visitor)).toBe('-1')
  })

  // In a browser, with the pages that Vite serves, it all runs in test/browser/another-origin.test.ts.
  it('has a server that answers pages of another origin, and lets their sockets poll', async () => {
    const visitor = visitorOf(await startDocs(PAGE, 'api.ts', { others }))
    const origin = 'http://localhost:5173'
    const answer = await visitor.store({ set: [['division', -1, '', 3]] }, { origin })
    const polled = await visitor.fetch('/socket.io/?EIO=4&transport=polling', { headers: { origin } })
    for (const { headers } of [answer, polled]) {
      expect(headers.get('access-control-allow-origin')).toBe(origin)
      expect(headers.get('access-control-allow-credentials')).toBe('true')
    }
    expect(await visitor.text('/')).toBe('division 3')
  })

  it('has a server that refuses requests and sockets of a rebound host', async () => {
    const { url } = await startDocs(PAGE, 'direct.ts', { others })
    const statusOf = async (path: string, host: string): Promise<number> =>
      (await send(url + path, { headers: { host, origin: `http://${host}` } })).status
    const { host, port } = new URL(url)
    const polling = '/socket.io/?EIO=4&transport=polling'
    const rebound = `evil.example:${port}`
    expect([await statusOf('/', host), await statusOf(polling, host)]).toEqual([200, 200])
    expect([await statusOf('/', rebound), await statusOf(polling, rebound)]).toEqual([421, 403])
    expect((await upgrade(port, host)).line).toBe('HTTP/1.1 101 Switching Protocols')
    expect((await upgrade(port, rebound)).line).toBe('HTTP/1.1 400 Bad Request')
  })

  itRunsSnippetsOf(PAGE, 'direct.ts', 'framed.ts')
})
