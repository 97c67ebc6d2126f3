import { afterEach, describe, expect, it } from '@jest/globals'
import { JSDOM } from 'jsdom'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { coreOf } from '../../server/plugin.js'
import { SigningKeys } from '../../server/subjects/signing-keys.js'
import { browserSubject, isBrowserId } from '../../server/subjects/subject.js'
import { type App, SECRET } from '../support/app/app.js'
import { idOf, inspectorToken, look, openInspector, press, startInspected } from '../support/app/inspected.js'
import { send } from '../support/app/raw-http.js'
import { WireTap } from './wire-tap.js'

const { NODE_ENV } = process.env
const tunnels: WireTap[] = []
afterEach(() => {
  for (const tunnel of tunnels.splice(0)) tunnel.close()
  if (NODE_ENV === undefined) delete process.env['NODE_ENV']
  else process.env['NODE_ENV'] = NODE_ENV
})

const SCRIPT = '<script>alert(1)</script><img src=x onerror=alert(1)>'
const HIDDEN = 'canary-hidden-value'
const LISTED = 'https://app.example'
const RETIRED = 'a retired secret of at least thirty-two bytes'
const OTHER_SECRET = 'another secret of at least thirty-two bytes'
const REFUSED = 'You may not look here. The log of the server says why.'
const tokenOf = (secret: string): string => new SigningKeys([secret], 'inspector').sign('inspector')
const cookieName = (app: App): string => {
  expect(inspectorToken(app)).toBe(tokenOf(SECRET))
  return `live_inspector_${new SigningKeys([SECRET], 'inspector').id}`
}

/** Starts a TCP tunnel, whose connections look local to the app. */
async function startTunnel({ port }: App): Promise<string> {
  const tunnel = await WireTap.start(port)
  tunnels.push(tunnel)
  return tunnel.url
}

/** Gives a user a value to steal. */
async function withAnn(app: App): Promise<App> {
  await (await app.live.user('ann')).set('division', 4711)
  return app
}

describe('the inspector, opened from another origin', () => {
  const CLAIMS = [
    ['', 'https://evil.example'],
    ['', 'null'],
    ['', LISTED],
    ['cross-site', ''],
    ['cross-site', 'https://evil.example'],
    ['same-site', ''],
    ['same-site', 'http://localhost:5173'],
  ] as const

  it.each(CLAIMS)('refuses its page and actions: Sec-Fetch-Site %p, Origin %p', async (site, origin) => {
    const app = await withAnn(await startInspected({ authorize: () => true }, { options: { origins: [LISTED] } }))
    const page = await app.visitor().connect('/', { 'x-user': 'ann' })
    const id = await idOf(app, 'ann')
    const { revision } = coreOf(app.live).ends
    const claims = { ...(site && { 'sec-fetch-site': site }), ...(origin && { origin }) }
    for (const query of ['', '?part=view']) {
      const { status, text } = await look(app, claims, query)
      expect([status, text.includes('4711')]).toEqual([403, false])
    }
    for (const query of ['action=restart', `action=empty&subject=${id}`, `action=revoke&subject=${id}`])
      expect((await press(app, query, claims)).status).toBe(403)
    expect([page.io.connected, coreOf(app.live).ends.revision]).toEqual([true, revision])
    expect((await look(app)).text).toContain('4711')
  })

  it('performs no action on GET', async () => {
    const app = await withAnn(await startInspected())
    const { revision } = coreOf(app.live).ends
    await look(app, {}, `?action=revoke&subject=${await idOf(app, 'ann')}`)
    expect(coreOf(app.live).ends.revision).toBe(revision)
  })

  it('cannot be framed, embedded or cached', async () => {
    const { headers } = await look(await startInspected())
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'")
    expect(headers).toMatchObject({
      'x-frame-options': 'DENY',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'cache-control': 'no-store',
    })
    expect(headers['access-control-allow-origin']).toBeUndefined()
  })
})

describe('threat 63: the inspector through a TCP tunnel with Host: localhost', () => {
  const strangers: readonly (readonly [string, (app: App) => Record<string, string>])[] = [
    ['nothing', () => ({})],
    ['an empty cookie', (app) => ({ cookie: `${cookieName(app)}=` })],
    ['a made-up token', (app) => ({ cookie: `${cookieName(app)}=${'A'.repeat(43)}` })],
    ['the token of an app with other secrets', (app) => ({ cookie: `${cookieName(app)}=${tokenOf(OTHER_SECRET)}` })],
    ['the token of a secret that was retired', (app) => ({ cookie: `${cookieName(app)}=${tokenOf(RETIRED)}` })],
  ]

  it.each(strangers)('refuses its page and actions to a request with %s', async (_, headersOf) => {
    const app = await withAnn(await startInspected({}, { keys: [SECRET, RETIRED] }))
    const tunnel = await startTunnel(app)
    const headers = { cookie: '', host: 'localhost', ...headersOf(app) }
    for (const query of ['', '?part=view', '?part=script', '?token=', `?token=${tokenOf(RETIRED)}`]) {
      const { status, headers: told, text: page } = await send(`${tunnel}/inspector${query}`, { headers })
      expect([status, told['set-cookie'], page]).toEqual([403, undefined, REFUSED])
    }
    expect((await send(`${tunnel}/inspector?action=restart`, { method: 'POST', headers })).status).toBe(403)
    expect(app.warnings.join()).toContain('inspector: 403: the request lacks the token')
  })

  it('opens with the logged token, then with a cookie', async () => {
    const app = await withAnn(await startInspected())
    const [, token = ''] = /inspector: open its address with \?token=(\S+)/.exec(app.warnings.join(' ')) ?? []
    const tunnel = await startTunnel(app)
    const { status, headers } = await send(`${tunnel}/inspector?token=${token}`)
    expect([status, headers.location]).toEqual([303, '?'])
    const [line = ''] = headers['set-cookie'] ?? []
    const opened = new SigningKeys([SECRET], 'inspector').sign(`inspector at ${tunnel}`)
    expect(line).toBe(`${cookieName(app)}=${opened}; path=/; samesite=strict; httponly`)
    const [cookie = ''] = line.split(';')
    expect((await send(`${tunnel}/inspector`, { headers: { cookie } })).text).toContain('4711')
  })

  it('stays open with its cookie after a restart', async () => {
    const app = await startInspected()
    const cookie = await openInspector(app)
    const { port } = app
    await app.stop()
    expect((await look(await startInspected({}, { port }), { cookie })).status).toBe(200)
  })
})

describe('threat 92: the inspector\u2019s cookie', () => {
  it('opens nothing at another port, and does not replace the token', async () => {
    const app = await startInspected()
    const cookie = await openInspector(app)
    expect((await look(app, { cookie })).status).toBe(200)
    const other = await withAnn(await startInspected())
    const { status, text: page } = await look(other, { cookie })
    expect([status, page]).toEqual([403, REFUSED])
    expect((await press(other, 'action=restart', { cookie })).status).toBe(403)
    const [, sent = ''] = cookie.split('=')
    expect((await look(other, { cookie: '' }, `?token=${sent}`)).status).toBe(403)
  })
})

describe('the inspector, under a rebound host', () => {
  it('refuses its page and actions', async () => {
    const app = await withAnn(await startInspected())
    const host = `evil.example:${app.port}`
    const own = { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin', cookie: '' }
    const { status, text: page } = await look(app, own)
    expect([status, page]).toEqual([403, REFUSED])
    expect((await press(app, 'action=restart', own)).status).toBe(403)
  })
})

describe('the inspector, without authorisation', () => {
  it('does not start in production without authorize', async () => {
    process.env['NODE_ENV'] = 'production'
    const live = liveSession(new Koa({ keys: [SECRET] }), { fields: defineFields({}) })
    expect(() => live.inspector()).toThrow(TypeError)
    expect(() => live.inspector()).toThrow(
      /^koa-live-session: inspector: .*NODE_ENV is production.*live\.inspector\(\{ authorize: /,
    )
    expect(() => live.inspector({ authorize: () => true })).not.toThrow()
    await live.close()
  })

  it.each([
    ['false', () => false],
    ['nothing', () => undefined],
    ['a text', () => 'admin'],
    ['a promise of false', async () => false],
    ['an error', () => Promise.reject(new Error('the app failed'))],
  ])('refuses its page and actions if authorize returns %s', async (_, authorize) => {
    process.env['NODE_ENV'] = 'production'
    const app = await withAnn(await startInspected({ authorize: authorize as never }))
    const answers = [await look(app), await look(app, {}, '?part=view'), await press(app, 'action=restart')]
    for (const { status, text: page } of answers) {
      expect([403, 500]).toContain(status)
      expect(page).not.toContain('4711')
    }
  })

  it('asks authorize for each request', async () => {
    let isAdmin = true
    const app = await withAnn(await startInspected({ authorize: () => isAdmin }))
    expect((await look(app)).text).toContain('4711')
    isAdmin = false
    expect((await look(app, {}, '?part=view')).status).toBe(403)
    expect((await press(app, `action=restart`)).status).toBe(403)
  })
})

describe('the inspector, with markup in values', () => {
  it('shows values, user ids and keys as text', async () => {
    const app = await startInspected()
    const user = await app.live.user(SCRIPT)
    await user.set('cart', [SCRIPT, `"'><svg onload=alert(1)>`, '\u202egnp', '</table></main>'])
    const core = coreOf(app.live)
    core.values.merge(
      core.memory.entries().next().value.subject,
      [{ key: `x"${SCRIPT}`, stamp: 1 as never, value: SCRIPT }],
      'ticket',
    )
    await app
      .visitor()
      .connect()
      .then((socket) => socket.change('division', SCRIPT))
    for (const query of [
      '',
      '?part=view',
      `?find=${encodeURIComponent(SCRIPT)}`,
      `?find="><script>alert(1)</script>`,
    ]) {
      const { text: page } = await look(app, {}, query)
      const { document } = new JSDOM(page).window
      const scripts = [...document.querySelectorAll('script')].map((script) => script.outerHTML)
      expect(scripts).toEqual(query.includes('part') ? [] : ['<script type="module" src="?part=script"></script>'])
      expect(document.querySelectorAll('img, svg, [onerror], [onload], [style]')).toHaveLength(0)
      expect(document.querySelectorAll('main')).toHaveLength(1)
      expect(page).not.toContain('\u202e')
    }
    const { document } = new JSDOM((await look(app)).text).window
    expect(document.querySelector('h3 bdi')?.textContent).toBe(SCRIPT)
    expect(document.querySelector('.value')?.textContent).toContain('</table></main>')
  })

  it('has a security policy that forbids inline scripts and styles', async () => {
    const { headers, text: page } = await look(await startInspected())
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
    expect(policy).not.toContain('unsafe')
    expect(page).not.toMatch(/<style|<script>| on\w+=| style=/)
  })
})

describe('the inspector, read by an attacker', () => {
  it('masks hidden values, browser ids and cookies', async () => {
    const app = await startInspected()
    const user = await app.live.user('ann')
    await user.set('secret', HIDDEN)
    const visitor = app.visitor()
    await visitor.fetch('/')
    const cookie = Buffer.from(/live=([^;]+)/.exec(visitor.cookie)?.[1] ?? '', 'base64').toString()
    const { browser } = JSON.parse(cookie)
    expect(isBrowserId(browser)).toBe(true)
    expect(coreOf(app.live).values.find(browserSubject(browser))).toBeDefined()
    const { text: page } = await look(app)
    expect(page).toContain('secret')
    expect(page).toContain('class="masked"')
    expect(page).not.toContain(HIDDEN)
    expect(page).not.toContain(browser)
    expect(page).not.toContain(visitor.cookie)
  })
})
