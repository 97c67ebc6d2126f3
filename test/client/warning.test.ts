import { beforeEach, describe, expect, it, jest } from '@jest/globals'
import { createLiveSession } from 'koa-live-session/client'
import { defineFields } from 'koa-live-session/fields'
import { storeSession } from 'koa-live-session/hook'
import { testClient } from 'koa-live-session/testing'
import { io, type Socket } from 'socket.io-client'
import { z } from 'zod'
import { beginPage } from '../../client/core/html.js'
import { createWarning, watchSocket } from '../../client/development/warning.js'
import type { AnyClient } from '../../client/types.js'
import { turn } from '../support/app/within.js'

// The page is at http://localhost.
const API = 'http://localhost:3000'
const ENDPOINT = `${API}/store_session`
const DOCS = 'node_modules/koa-live-session/docs/troubleshooting.md'

const warnings: unknown[] = []
beforeEach(() => {
  warnings.length = 0
  jest.spyOn(console, 'warn').mockImplementation((text) => void warnings.push(text))
  Object.assign(globalThis, { fetch: () => new Promise(() => undefined) })
})

type SocketOptions = Parameters<typeof io>[1]
type Ways = Partial<Parameters<typeof createWarning>[0]>
const socketTo = (url: string, options: SocketOptions = {}): Socket =>
  io(url, { autoConnect: false, forceNew: true, ...options })

/** Returns the warnings of a page with these options, after POSTs with these statuses. */
function warningsAfter(statuses: readonly number[], ways: Ways = {}): readonly unknown[] {
  const warn = createWarning({ endpoint: '/store_session', credentials: 'same-origin', socket: undefined, ...ways })
  for (const status of statuses) warn(status ? { status } : undefined)
  return warnings
}
const failed = (answer: number | string, remedy: string, endpoint = '/store_session'): string =>
  `koa-live-session: POST ${endpoint} answered ${answer}; changes are shown but not saved. ${remedy}`
const UNREADABLE = 'nothing that this page may read'
const redirected = (url: string): string =>
  `The server has redirected it to ${url}, and a redirected POST arrives as a GET. Have the server, or its proxy, answer '/store_session' itself: 401 to a visitor who must sign in.`
const ROUTES =
  "Under a sub-path, pass endpoint: '/tools/store_session'. Otherwise check that the server calls app.use(live.middleware())."

describe('an endpoint of another origin', () => {
  const POST = "credentials: 'include'"
  const SOCKET = 'withCredentials: true to io()'
  const PERMITTED: Ways = {
    endpoint: ENDPOINT,
    credentials: 'include',
    socket: socketTo(API, { withCredentials: true }),
  }

  it.each<[RequestCredentials, SocketOptions | undefined, string | undefined]>([
    ['same-origin', undefined, POST],
    ['omit', { withCredentials: true }, POST],
    ['include', {}, SOCKET],
    ['include', { transports: ['websocket', 'polling'] }, SOCKET],
    ['same-origin', {}, `${POST}, ${SOCKET}`],
    ['include', undefined, undefined],
    ['include', { withCredentials: true }, undefined],
    // Browsers send cookies with a WebSocket by default.
    ['include', { transports: ['websocket'] }, undefined],
  ])('with credentials %j and socket options %j needs: %s', (credentials, options, pass) => {
    const socket = options && socketTo(API, options)
    const expected = `koa-live-session: ${ENDPOINT} is of another origin, and gets no cookie. Pass ${pass}.`
    expect(warningsAfter([], { endpoint: ENDPOINT, credentials, socket })).toEqual(pass ? [expected] : [])
  })

  it.each([
    ['https://localhost/store_session', true],
    ['http://localhost:81/store_session', true],
    ['//api.localhost/store_session', true],
    ['/store_session', false],
    ['tools/store_session', false],
    ['//localhost/store_session', false],
    ['http://localhost:80/store_session', false],
  ])('is recognized in %s: %p', (endpoint, isElsewhere) => {
    expect(warningsAfter([0], { endpoint, socket: socketTo(API) }).length > 0).toBe(isElsewhere)
  })

  it('makes createLiveSession warn', () => {
    createLiveSession({ endpoint: ENDPOINT }).close()
    expect(warnings).toEqual([expect.stringContaining("Pass credentials: 'include'.")])
  })

  it('with unreadable answers is advised to list the page’s origin', () => {
    expect(warningsAfter([0, 0, 502], PERMITTED)).toEqual([
      failed(UNREADABLE, "If the server is up, list 'http://localhost' in its origins.", ENDPOINT),
    ])
  })

  it('cannot accept a page of the origin null', () => {
    const { origin } = globalThis
    Object.assign(globalThis, { origin: 'null' })
    const remedy =
      'The origin of this page is null, as of a sandboxed frame or a file, and no server can list it. Serve the page from an origin of its own.'
    expect(warningsAfter([0], PERMITTED)).toEqual([failed(UNREADABLE, remedy, ENDPOINT)])
    Object.assign(globalThis, { origin })
  })
})

describe('a page whose base is on another host', () => {
  const LED =
    "koa-live-session: the page's <base> leads POSTs of /store_session to https://cdn.example, but the socket stays at http://localhost. " +
    "Pass endpoint: 'http://localhost/store_session'."

  it.each<[string, () => () => void]>([
    ['createLiveSession', () => createLiveSession().close],
    ['storeSession', () => storeSession(socketTo(API))],
  ])('is told where its POSTs go by %s', (_, begin) => {
    const base = Object.assign(document.createElement('base'), { href: 'https://cdn.example/assets/' })
    document.head.append(base)
    begin()()
    base.href = 'http://localhost/tools/'
    begin()()
    base.remove()
    expect(warnings).toEqual([LED])
  })
})

describe('failing POSTs', () => {
  const PROXY = `If the server is up, its headers do not fit the proxy's buffer: ${DOCS}#502-behind-nginx`
  const COOKIES = `The cookies of this site are too large for the server: ${DOCS}#502-behind-nginx`
  const LOG = 'The log of the server, or of its proxy, says why.'

  it.each<[readonly number[], string | undefined]>([
    [[502, 502], undefined],
    [[502, 502, 502, 502], PROXY],
    [[500, 500, 500], LOG],
    [[503, 503, 503], LOG],
    [[504, 504, 504], LOG],
    [[431], COOKIES],
    [[200], `It may be a login page: sign in again. ${ROUTES}`],
  ])('with statuses %j warn once: %s', (statuses, remedy) => {
    expect(warningsAfter(statuses)).toEqual(remedy ? [failed(Number(statuses[0]), remedy)] : [])
  })

  it.each([API, `${API}/namespace`, 'ws://localhost:3000', '//localhost:3000'])(
    'name the endpoint at the socket’s server: %s',
    (url) => {
      expect(warningsAfter([404, 405], { socket: socketTo(url) })).toEqual(
        [404, 405].map((status) => failed(status, `Pass endpoint: '${ENDPOINT}'.`)),
      )
    },
  )

  it('name the routes if the socket is at the same origin', () => {
    expect(warningsAfter([404], { socket: socketTo('http://localhost') })).toEqual([failed(404, ROUTES)])
  })

  it('are counted from zero after a recovery', () => {
    const warn = createWarning({ endpoint: '/store_session' })
    for (const status of [502, 502, 200, 502, 502]) warn({ status }, status === 200)
    expect(warnings).toEqual([])
  })

  it('name a login proxy that redirects them', async () => {
    const probe = jest.fn(async () => ({ type: 'opaqueredirect' }))
    Object.assign(globalThis, { fetch: probe })
    warningsAfter([0, 0])
    await turn()
    const remedy = "A login proxy has redirected it: sign in again, and have the proxy answer 401 to '/store_session'."
    expect(warnings).toEqual([failed(UNREADABLE, remedy)])
    expect(probe.mock.calls).toEqual([['/store_session', { redirect: 'manual', credentials: 'same-origin' }]])
  })

  it('name the page to which they were redirected, without its parameters', () => {
    const warn = createWarning({ endpoint: '/store_session' })
    warn({ status: 200, redirected: true, url: 'http://localhost/login?to=%2Fstore_session' })
    expect(warnings).toEqual([failed(200, redirected('http://localhost/login'))])
  })

  it('warn of no redirect that has reached the endpoint', () => {
    const warn = createWarning({ endpoint: '/store_session' })
    warn({ status: 200, redirected: true, url: 'http://localhost/store_session/' }, true)
    expect(warnings).toEqual([])
  })

  it('warn of nothing while the server is down', async () => {
    Object.assign(globalThis, { fetch: () => Promise.reject(new TypeError('Failed to fetch')) })
    warningsAfter([0, 0])
    await turn()
    expect(warnings).toEqual([])
  })
})

describe('a refused socket', () => {
  const refused = (code?: string, message = 'refused'): object => ({ message, data: code && { code } })
  const warning = (reason: string, cause: string): string =>
    `koa-live-session: the socket was refused: ${reason}. Until the server accepts it, changes made elsewhere do not arrive. The page tries ` +
    `again. ${cause}`
  const AGAIN = `${DOCS}#the-socket-comes-back-again-and-again`
  const APP = 'An io.use() of the app has refused it.'

  it.each<[string, readonly object[], readonly string[]]>([
    [
      'once for each reason',
      [refused('rate_limited'), refused('rate_limited'), refused('bad_origin')],
      [warning('rate_limited', `${DOCS}#rate_limited`), warning('bad_origin', `${DOCS}#bad_origin`)],
    ],
    [
      'of sticky sessions',
      [{ message: 'xhr poll error', context: { status: 400 } }],
      [warning('polling requests reach several processes', AGAIN)],
    ],
    [
      'once of an error of the app',
      Array(3).fill(refused(undefined, 'handshake failed')),
      [
        warning(
          'handshake failed',
          `An error of the app in handshake middleware or identify, as the server's log says: ${AGAIN}`,
        ),
      ],
    ],
    [
      "of the app's own middleware",
      [refused('quota_exceeded'), refused(undefined, 'members only')],
      [warning('quota_exceeded', APP), warning('members only', APP)],
    ],
    ['of nothing at a sign-in', [refused('other_visitor'), refused('other_visitor')], []],
    [
      'if the visitor never changes',
      Array(4).fill(refused('other_visitor')),
      [warning('other_visitor', `${DOCS}#other_visitor`)],
    ],
    [
      'of nothing while the server is down',
      [0, undefined, 502].map((status) => ({ message: 'xhr poll error', context: { status } })),
      [],
    ],
  ])('warns %s', (_, errors, expected) => {
    const socket = socketTo(API)
    watchSocket({ socket, page: beginPage(undefined, true), onClose: () => undefined })
    const active = jest.spyOn(socket, 'active', 'get')
    for (const error of errors) {
      // As in socket.io-client, the error of a refusal has `data`, and the socket is not retried.
      active.mockReturnValue(!('data' in error))
      for (const hear of socket.listeners('connect_error')) hear(error as Error)
    }
    expect(warnings).toEqual(expected)
  })

  it('warns of nothing at several sign-ins', () => {
    const socket = socketTo(API)
    jest.spyOn(socket, 'timeout').mockReturnValue({ emit: () => undefined } as never)
    watchSocket({ socket, page: beginPage(undefined, true), onClose: () => undefined })
    for (const event of ['connect_error', 'connect_error', 'connect', 'connect_error'])
      for (const hear of socket.listeners(event as 'connect')) (hear as (_: object) => void)(refused('other_visitor'))
    expect(warnings).toEqual([])
  })

  it('is not watched after the client is closed', () => {
    const socket = socketTo(API)
    const ends: (() => void)[] = []
    watchSocket({ socket, page: beginPage(undefined, true), onClose: (end) => void ends.push(end) })
    expect(socket.listeners('connect_error')).toHaveLength(1)
    for (const end of ends) end()
    expect(socket.listeners('connect_error')).toEqual([])
  })
})

describe('an unattached socket', () => {
  type Outcome = 'answered' | 'lost' | 'lost with its connection'
  const UNATTACHED =
    'koa-live-session: the server does not answer over the socket: changes are saved by POST, and those made elsewhere do not arrive. ' +
    'Call live.attach(io) on the server'

  it.each<[readonly Outcome[], readonly string[]]>([
    [['lost'], [UNATTACHED]],
    // A page reconnects to return its first cookie.
    [['lost with its connection', 'lost'], [UNATTACHED]],
    [['lost with its connection', 'answered'], []],
  ])('is detected by its answers: %j', (outcomes, expected) => {
    const socket = socketTo(API)
    const asked: unknown[] = []
    jest.spyOn(socket, 'timeout').mockReturnValue({
      emit: (...[event, , answer]: [string, object, (lost: Error | null) => void]) => {
        const outcome = outcomes[asked.length]
        asked.push(event)
        socket.connected = outcome !== 'lost with its connection'
        answer(outcome === 'answered' ? null : new Error('operation has timed out'))
      },
    } as never)
    watchSocket({ socket, page: beginPage(undefined, true), onClose: () => undefined })
    for (const _ of outcomes) for (const hear of socket.listeners('connect')) hear()
    expect(asked).toEqual(outcomes.map(() => 'live_session:exchange'))
    expect(socket.listeners('connect')).toHaveLength(1)
    expect(warnings).toEqual(expected)
  })
})

describe('a socket whose handshake lacks the cookie', () => {
  const text = (remedy: string): string =>
    'koa-live-session: the handshake of the socket brought no live cookie, but POSTs do: changes are saved by POST, and those made elsewhere ' +
    `do not arrive. ${remedy} ${DOCS}#the-socket-lacks-the-cookie`
  const PROXY = 'Let the proxy forward the Cookie header of handshakes.'
  const HOST =
    'The socket is of another origin: pass withCredentials: true to io(), and set the option domain on the server.'
  const BARE = { results: [], persisted: [] }

  it.each<[string, string, boolean, readonly object[], readonly string[]]>([
    ['behind a proxy', 'http://localhost', true, [BARE, BARE], [text(PROXY)]],
    ['on another host', 'wss://ws.localhost', true, [BARE], [text(HOST)]],
    ['before a POST has had the cookie', 'http://localhost', false, [BARE, BARE], []],
    ['with the cookie', 'http://localhost', true, [{ ...BARE, hasCookie: true }], []],
    ['refused', 'http://localhost', true, [{ ok: false, code: 'rate_limited' }], []],
  ])('is named once: %s', (_, url, postHasCookie, answers, expected) => {
    const socket = socketTo(url)
    const left = [...answers]
    jest.spyOn(socket, 'timeout').mockReturnValue({
      emit: (...[, , answer]: [string, object, (lost: null, answer?: object) => void]) => answer(null, left.shift()),
    } as never)
    const page = { ...beginPage(undefined, true), postHasCookie }
    watchSocket({ socket, page, onClose: () => undefined })
    for (const _ of answers) for (const hear of socket.listeners('connect')) hear()
    expect(warnings).toEqual(expected)
  })
})

describe('createLiveSession', () => {
  const create = (options: object) => createLiveSession(options as never)

  it.each<[string, () => object, string]>([
    ['a socket', () => socketTo(API), 'expected { socket: io() }, received the socket itself'],
    [
      'an unknown option',
      () => ({ endPoint: '/tools/store_session' }),
      'endPoint: no such option (known: socket, initial, endpoint, credentials, headers). Did you mean "endpoint"?',
    ],
  ])('rejects %s as its options', (_, options, message) => {
    expect(() => create(options())).toThrow(`koa-live-session: createLiveSession: ${message}`)
  })

  it('warns of a second client, unless the first has closed', () => {
    create({}).close()
    const first = create({})
    expect(warnings).toEqual([])
    const second = create({})
    expect(warnings).toEqual([
      'koa-live-session: createLiveSession was called again in this page. Create one client and import it where it is used; close() a client before you replace it',
    ])
    first.close()
    second.close()
  })

  it('warns of a second script of embed()', () => {
    const text = JSON.stringify({ values: { division: 3 }, defaults: {}, stamps: {} })
    for (const times of [1, 2]) {
      expect(warnings).toEqual([])
      document.body.innerHTML = `<script type="application/json" id="live-session">${text}</script>`.repeat(times)
      create({}).close()
    }
    document.body.innerHTML = ''
    expect(warnings).toEqual([
      'koa-live-session: the page has several scripts of embed(), and uses none of them. Call ctx.liveSession.embed() once',
    ])
  })

  it('warns of a second script that arrives later', async () => {
    const script = '<script type="application/json" id="live-session">{"values":{},"defaults":{},"stamps":{}}</script>'
    document.body.innerHTML = script
    const live = create({})
    document.body.insertAdjacentHTML('beforeend', script)
    await Promise.resolve()
    document.body.insertAdjacentHTML('beforeend', '<p></p>')
    await Promise.resolve()
    live.close()
    document.body.innerHTML = ''
    expect(warnings).toEqual([expect.stringContaining('several scripts of embed()')])
  })

  it('warns of an escaped script of embed()', () => {
    document.body.innerHTML =
      '&lt;script type=&quot;application/json&quot; id=&quot;live-session&quot;&gt;{}&lt;/script&gt;'
    create({}).close()
    document.body.innerHTML = ''
    expect(warnings).toEqual([
      'koa-live-session: the page shows the script of embed() as text. Insert ctx.liveSession.embed() without escaping it: ' +
        '<%- %> in EJS, {{{ }}} in Handlebars, != in Pug, | safe in Nunjucks',
    ])
  })
})

describe('a mistyped key', () => {
  const mistyped = 'devision' as never
  const warning = (call: string): string =>
    `koa-live-session: ${call}("devision"): the page knows no value and no default of this key. Did you mean "division"?`

  async function use(act: (live: AnyClient) => unknown): Promise<readonly unknown[]> {
    jest.spyOn(console, 'error').mockReturnValue()
    const initial = { values: { division: 3 }, defaults: { theme: 'light' }, stamps: { division: 5 } }
    const live: AnyClient = createLiveSession({ initial: initial as never })
    act(live)
    await live.ready
    await live.ready
    live.close()
    return warnings
  }

  it.each<[string, (live: AnyClient) => unknown]>([
    ['get', (live) => live.get(mistyped)],
    ['has', (live) => live.has(mistyped)],
    ['subscribe', (live) => live.subscribe(mistyped, () => undefined)],
    ['status', (live) => live.status(mistyped)],
    ['field', (live) => live.field(mistyped)],
    ['set', (live) => live.set(mistyped, 1 as never)],
    ['update', (live) => live.update(mistyped, () => 1 as never)],
    ['delete', (live) => live.delete(mistyped)],
  ])('in %s() is reported once with a suggestion', async (call, act) => {
    expect(await use((live) => [act(live), act(live)])).toEqual([warning(call)])
  })

  it('makes a test client warn', async () => {
    const live: AnyClient = testClient(defineFields({ division: { schema: z.number(), default: 1 } }))
    live.get(mistyped)
    await live.flush()
    expect(warnings).toEqual([warning('get')])
  })

  it('is suspected neither in known keys nor in distant names', async () => {
    const keys = ['division', 'theme', 'note'] as never[]
    expect(await use((live) => [...keys.map((key) => live.get(key)), live.status()])).toEqual([])
  })
})
