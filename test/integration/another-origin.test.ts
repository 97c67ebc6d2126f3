import { describe, expect, it, jest } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import type { ServerOptions } from 'socket.io'
import { subjectHash, userSubject } from '../../server/subjects/subject.js'
import { App } from '../support/app/app.js'
import { auth, identify } from '../support/app/auth.js'
import { bring, open, serveSignIn, signIn, tokenFor } from '../support/app/hand-offs.js'
import { poll, send } from '../support/app/raw-http.js'
import { readClaims } from '../support/app/socket.js'

const VITE = 'http://localhost:5173'
const OF_VITE = { origin: VITE, 'sec-fetch-site': 'same-site' }
const origins = [VITE, 'https://app.example.com']

/** Returns the CORS headers of a response. */
const cors = ({ headers }: Response): unknown[] => [
  headers.get('access-control-allow-origin'),
  headers.get('access-control-allow-credentials'),
  headers.get('vary'),
]
const LISTED = [VITE, 'true', expect.stringMatching(/\bOrigin\b/)]

/** Returns the warnings about origins. */
const warnings = ({ warnings }: App): string[] => warnings.filter((line) => line.includes('origin'))

describe('CORS at the endpoint', () => {
  it('answers the preflight, and allows a cookie for all listed origins', async () => {
    const app = await App.start({ options: { origins } })
    const visitor = app.visitor()
    const preflight = await visitor.fetch('/store_session', {
      method: 'OPTIONS',
      headers: {
        ...OF_VITE,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      },
    })
    expect([preflight.status, ...cors(preflight)]).toEqual([204, ...LISTED])
    const first = await visitor.store({}, OF_VITE)
    expect([first.headers.getSetCookie().length, ...cors(first)]).toEqual([2, ...LISTED])
    const second = await visitor.store({ set: [['division', -1, '', 3]] }, OF_VITE)
    const { results } = await second.json()
    expect(cors(second)).toEqual(LISTED)
    for (const origin of origins) {
      const next = await visitor.store({}, { origin })
      expect(await next.json()).toMatchObject({ persisted: [['division', results[0].stamp]] })
    }
  })

  it('answers the preflight without calling identify', async () => {
    const ask = jest.fn(() => 'ann')
    const app = await App.start({ options: { origins, identify: ask }, attach: { handshake: [] } })
    const headers = { ...OF_VITE, 'access-control-request-method': 'POST' }
    expect((await app.visitor().fetch('/store_session', { method: 'OPTIONS', headers })).status).toBe(204)
    expect(ask).not.toHaveBeenCalled()
  })

  it('exposes Retry-After', async () => {
    const app = await App.start({ options: { origins, limits: { changesPerVisitor: 1 } } })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const set = [['division', -1, '', 1]]
    const answers = [await visitor.store({ set }, OF_VITE), await visitor.store({ set }, OF_VITE)]
    answers.push(await visitor.store({ set }, OF_VITE))
    const last = answers.at(-1)
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429])
    expect([last?.headers.get('retry-after'), last?.headers.get('access-control-expose-headers')]).toEqual([
      '1',
      'Retry-After',
    ])
  })

  it('lets the page read a 500 of the app', async () => {
    const fail = (): never => {
      throw new Error('the database is away')
    }
    const app = await App.start({ options: { origins, identify: fail }, attach: { handshake: [] } })
    const answer = await app.visitor().store({}, OF_VITE)
    expect([answer.status, ...cors(answer)]).toEqual([500, ...LISTED])
    expect(app.errors).toEqual([new Error('the database is away')])
  })

  it('allows a hand-off from a listed origin only', async () => {
    const options = { origins, identify } as never
    const app = await App.start({ options, before: (koa) => [auth(koa)], routes: signIn })
    serveSignIn(app)
    const { visitor, socket } = await open(app)
    const token = await tokenFor(socket)
    expect(
      (await bring(visitor, token, { origin: 'http://localhost:5174', 'sec-fetch-site': 'same-site' })).status,
    ).toBe(403)
    expect((await bring(visitor, token, OF_VITE)).status).toBe(303)
    const { greeting } = await (await visitor.store({}, OF_VITE)).json()
    expect(readClaims(greeting[0]).sub).toBe(subjectHash(userSubject('ann')))
  })

  it("adds only Vary to responses for the server's own pages", async () => {
    const app = await App.start({ options: { origins } })
    const answer = await app.visitor().store()
    expect([answer.status, ...cors(answer)]).toEqual([200, null, null, expect.stringMatching(/\bOrigin\b/)])
  })

  it('adds nothing if the app lists no origins', async () => {
    const app = await App.start()
    expect(cors(await app.visitor().store())).toEqual([null, null, 'Cookie'])
  })
})

describe('a listed origin of another site', () => {
  const crossSite = { origin: 'https://app.example.com', 'sec-fetch-site': 'cross-site' }

  it('logs a single warning about withheld cookies', async () => {
    const app = await App.start({ options: { origins } })
    for (let i = 0; i < 2; i += 1) await app.visitor().store({}, crossSite)
    expect(warnings(app)).toEqual([
      `koa-live-session: origins: https://app.example.com is another site than ${app.url}, so browsers send no cookie that is ` +
        "sameSite: 'lax'. Have both under one domain with one scheme, or set sameSite: 'none' and secure: true.",
    ])
  })

  it('logs nothing with a cross-site cookie, or on the same site', async () => {
    const app = await App.start({
      options: { origins, sameSite: 'none', secure: true },
      before: (koa) => {
        koa.proxy = true
        return []
      },
    })
    const answer = await app.visitor().store({}, { ...crossSite, 'x-forwarded-proto': 'https' })
    expect(answer.headers.getSetCookie()[0]).toMatch(/; samesite=none; secure/)
    const other = await App.start({ options: { origins } })
    await other.visitor().store({}, OF_VITE)
    expect([warnings(app), warnings(other)]).toEqual([[], []])
  })
})

describe('a socket of a page of another origin', () => {
  const hint = [
    `koa-live-session: origins: pages of ${VITE} may not read what socket.io answers. Tell socket.io, too: ` +
      `new Server(http, { cors: { origin: ["${VITE}","https://app.example.com"], credentials: true } }).`,
  ]

  it.each<[string, Pick<Partial<ServerOptions>, 'cors'>]>([
    ['nothing', {}],
    ['no credentials', { cors: { origin: origins } }],
    ['all origins, which excludes cookies', { cors: { origin: '*', credentials: true } }],
    ['no origin, which means all', { cors: { credentials: true } }],
    ['another origin', { cors: { origin: ['https://app.example.com', /^http:\/\/127/], credentials: true } }],
    ['none', { cors: { origin: false, credentials: true } }],
  ])("logs a hint if it polls, and socket.io's CORS options allow %s", async (_, io) => {
    const app = await App.start({ options: { origins }, io })
    for (let i = 0; i < 2; i += 1) expect(await poll(app.url, OF_VITE)).toMatch(/^40/)
    expect(warnings(app)).toEqual(hint)
  })

  it.each<[string, NonNullable<ServerOptions['cors']>]>([
    ['the same list', { origin: origins, credentials: true }],
    ['this origin alone', { origin: VITE, credentials: true }],
    ['a pattern', { origin: /localhost/, credentials: true }],
    ['a list with a pattern', { origin: [/localhost/], credentials: true }],
    ['any origin', { origin: true, credentials: true }],
    ['a function', { origin: (_, done) => done(null, true), credentials: true }],
    ['a function of the request', (_, done) => done(null, { origin: true, credentials: true })],
  ])('polls without a warning if the CORS options allow %s', async (_, given) => {
    const app = await App.start({ options: { origins }, io: { cors: given } })
    expect(await poll(app.url, OF_VITE)).toMatch(/^40/)
    const { headers } = await send(`${app.url}/socket.io/?EIO=4&transport=polling`, { headers: OF_VITE })
    expect([headers['access-control-allow-origin'], headers['access-control-allow-credentials']]).toEqual([
      VITE,
      'true',
    ])
    expect(warnings(app)).toEqual([])
  })

  it('connects by WebSocket without a warning', async () => {
    const app = await App.start({ options: { origins } })
    const socket = await app.visitor(cookieFor(app.live, {})).connect('/', OF_VITE)
    expect((await socket.greeted).hasCookie).toBe(true)
    expect(warnings(app)).toEqual([])
  })

  it('logs nothing if a proxy serves page and server under one origin', async () => {
    const app = await App.start({ options: { origins } })
    expect(await poll(app.url, { origin: VITE, 'sec-fetch-site': 'same-origin' })).toMatch(/^40/)
    expect(warnings(app)).toEqual([])
  })
})

describe('a page of a native app', () => {
  it.each(['capacitor://localhost', 'tauri://localhost', 'chrome-extension://mhjfbmdgcfjbbpaeojofohoefgiehjai'])(
    'POSTs and connects from a listed %s',
    async (origin) => {
      const app = await App.start({ options: { origins: [origin] } })
      const visitor = app.visitor()
      const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' }
      const preflight = await visitor.fetch('/store_session', { method: 'OPTIONS', headers: { origin, ...asked } })
      const posted = await visitor.store({ set: [['division', -1, '', 3]] }, { origin, 'sec-fetch-site': 'cross-site' })
      for (const { headers } of [preflight, posted]) expect(headers.get('access-control-allow-origin')).toBe(origin)
      expect([preflight.status, posted.status]).toEqual([204, 200])
      const socket = await visitor.connect('/', { origin })
      expect(await socket.change('division', 4)).toHaveProperty('stamp')
    },
  )
})
