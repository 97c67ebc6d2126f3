import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { once } from '../support/app/awaited.js'
import { send } from '../support/app/raw-http.js'
import { isReached, otherAddresses, upgrade } from '../support/app/stranger.js'
import { Example } from '../support/servers/example.js'

const REBOUND = 'evil.example'

let example: Example
const portOf = ({ url }: Example): string => new URL(url).port

/** Forwards each request as nginx does after a bare `proxy_pass`: with the upstream's Host, and without X-Forwarded-*. */
async function startBareProxy(port: string): Promise<Server> {
  const proxy = createServer((req, res) => {
    const headers = { ...req.headers, host: `127.0.0.1:${port}` }
    const asked = request({ host: '127.0.0.1', port, path: req.url, method: req.method, headers }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(res)
    })
    req.pipe(asked)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  return proxy
}

describe('threat 100: the example app', () => {
  beforeAll(async () => {
    example = await Example.start()
  })
  afterAll(() => example.stop())

  it('shows no token of the inspector behind a bare proxy_pass', async () => {
    const proxy = await startBareProxy(portOf(example))
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    const { status, text: page } = await send(url)
    const token = new URL(example.inspector).searchParams.get('token') ?? ''
    expect(token).toMatch(/^[\w-]{43}$/)
    expect(status).toBe(200)
    expect(page).not.toContain('token=')
    expect(page).not.toContain(token)
    expect(page).toContain('href="/inspector"')
    expect((await send(`${url}/inspector`)).status).toBe(403)
    proxy.close()
  })

  it('opens the inspector by the logged URL, then by a cookie', async () => {
    const { status, headers } = await send(example.inspector)
    expect(status).toBe(303)
    const cookie = String(headers['set-cookie']).split(';')[0] ?? ''
    expect((await send(`${example.url}/inspector`, { headers: { cookie } })).text).toContain('Subjects')
  })

  it.each(['/', '/inspector', '/hood', '/browser.js', '/socket.io/?EIO=4&transport=polling'])(
    'refuses GET %s for a rebound host',
    async (path) => {
      const host = `${REBOUND}:${portOf(example)}`
      const { status, text: answer } = await send(example.url + path, { headers: { host } })
      expect([status, answer]).toEqual([421, expect.stringContaining(`"${REBOUND}"`)])
      expect(answer).toContain('ALLOWED_HOSTS')
    },
  )

  it.each(['/division', '/restart', '/sign-in', '/store_session'])(
    'refuses POST %s for a rebound host with a matching Origin',
    async (path) => {
      const host = `${REBOUND}:${portOf(example)}`
      const headers = { host, origin: `http://${host}`, 'content-type': 'application/x-www-form-urlencoded' }
      expect((await send(example.url + path, { method: 'POST', headers, body: 'division=0' })).status).toBe(421)
    },
  )

  it('refuses a WebSocket for a rebound host', async () => {
    const port = portOf(example)
    const { line, body } = await upgrade(port, `${REBOUND}:${port}`)
    expect(line).toBe('HTTP/1.1 421 Misdirected Request')
    expect(body).toContain(`"${REBOUND}"`)
    expect((await upgrade(port, `localhost:${port}`)).line).toBe('HTTP/1.1 101 Switching Protocols')
  })

  it.each([
    ...['localhost', '127.0.0.1', '[::1]', 'LOCALHOST'].map((host) => [host, 200] as const),
    ...['localhost.evil.example', 'localhost@evil.example', '192.0.2.7', '[::1', 'localhost:3000:80'].map(
      (host) => [host, 421] as const,
    ),
  ])('responds to the host "%s" with %i', async (host, status) => {
    expect((await send(example.url, { headers: { host } })).status).toBe(status)
  })

  it('listens on 127.0.0.1 alone', async () => {
    for (const address of otherAddresses())
      expect([address, await isReached(address, portOf(example))]).toEqual([address, false])
    expect(await isReached('127.0.0.1', portOf(example))).toBe(true)
  })
})
