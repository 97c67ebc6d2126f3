import { beforeEach, describe, expect, it, jest } from '@jest/globals'
import { createLiveSession } from 'koa-live-session/client'
import { defineFields } from 'koa-live-session/fields'
import { testClient } from 'koa-live-session/testing'
import { io, type Socket } from 'socket.io-client'
import { z } from 'zod'
import { adviceFor } from '../../client/development/advice.js'
import { createWarning, watchSocket } from '../../client/development/warning.js'
import type { AnyClient } from '../../client/types.js'
import { turn } from '../support/app/within.js'

// The page is at http://localhost.
const API = 'http://localhost:3000'
const ENDPOINT = `${API}/store_session`

const warnings: unknown[] = []
beforeEach(() => {
  warnings.length = 0
  jest.spyOn(console, 'warn').mockImplementation((text) => void warnings.push(text))
})

type Options = Parameters<typeof io>[1]
const socketTo = (url: string, options: Options = {}): Socket =>
  io(url, { autoConnect: false, forceNew: true, ...options })
const all = { withCredentials: true }

/** What is told of these statuses, and before. */
function told(statuses: readonly number[], given: Partial<Parameters<typeof createWarning>[0]>): readonly unknown[] {
  const warn = createWarning({ endpoint: '/store_session', credentials: 'same-origin', socket: undefined, ...given })
  for (const status of statuses) warn(status)
  return warnings
}

describe('a page whose endpoint is of another origin', () => {
  it.each<[string, RequestCredentials, Options | undefined, string]>([
    ['credentials', 'same-origin', undefined, "credentials: 'include'"],
    ['credentials of the POST alone', 'omit', all, "credentials: 'include'"],
    ['credentials of the socket alone', 'include', {}, 'withCredentials: true to io()'],
    [
      'credentials of a socket that polls, too',
      'include',
      { transports: ['websocket', 'polling'] },
      'withCredentials: true to io()',
    ],
    ['both', 'same-origin', {}, "credentials: 'include', withCredentials: true to io()"],
  ])('is told at once that it lacks %s', (_, credentials, options, pass) => {
    const socket = options && socketTo(API, options)
    expect(told([], { endpoint: ENDPOINT, credentials, socket })).toEqual([
      `koa-live-session: ${ENDPOINT} is of another origin, and gets no cookie. Pass ${pass}.`,
    ])
  })

  it.each<[string, Options | undefined]>([
    ['no socket', undefined],
    ['a socket with credentials', all],
    ['a socket that never polls, to which browsers give cookies unasked', { transports: ['websocket'] }],
  ])('is told nothing where it has credentials and %s', (_, options) => {
    const socket = options && socketTo(API, options)
    expect(told([], { endpoint: ENDPOINT, credentials: 'include', socket })).toEqual([])
  })

  it.each(['https://localhost/store_session', 'http://localhost:81/store_session', '//api.localhost/store_session'])(
    'is one with %s',
    (endpoint) => {
      expect(told([], { endpoint })).toHaveLength(1)
    },
  )

  it.each(['/store_session', 'tools/store_session', '//localhost/store_session', 'http://localhost:80/store_session'])(
    'is none with %s',
    (endpoint) => {
      expect(told([0], { endpoint, socket: socketTo(API) })).toEqual([])
    },
  )

  it('is told once where its POSTs bring no answer, as of a server that does not know its origin', () => {
    expect(told([0, 0, 502], { endpoint: ENDPOINT, credentials: 'include', socket: socketTo(API, all) })).toEqual([
      `koa-live-session: POST ${ENDPOINT} answered nothing that this page may read; changes are shown but not saved. ` +
        "If the server is up, list 'http://localhost' in its origins.",
    ])
  })

  it('is told all of it by createLiveSession', () => {
    Object.assign(globalThis, { fetch: () => new Promise(() => undefined) })
    createLiveSession({ endpoint: ENDPOINT }).close()
    expect(warnings).toEqual([expect.stringContaining("Pass credentials: 'include'.")])
  })
})

describe('a page whose socket is at another origin than its endpoint', () => {
  const answered = (status: number): string =>
    `koa-live-session: POST /store_session answered ${status}; changes are shown but not saved. `

  it.each([API, `${API}/namespace`, 'ws://localhost:3000', '//localhost:3000'])(
    'is told where its endpoint may be, as nothing of ours has answered: %s',
    (url) => {
      expect(told([404, 405], { socket: socketTo(url) })).toEqual(
        [404, 405].map((status) => `${answered(status)}Pass endpoint: '${ENDPOINT}'.`),
      )
    },
  )

  it('is told nothing before: sockets may well have a server of their own', () => {
    expect(told([], { socket: socketTo(API) })).toEqual([])
  })

  it('is none where both are at the origin of the page', () => {
    expect(told([404], { socket: socketTo('http://localhost') })).toEqual([
      `${answered(404)}Behind a sub-path pass endpoint: '/tools/store_session'. Is app.use(live.middleware()) there?`,
    ])
  })
})

describe('a page whose POSTs fail again and again', () => {
  const failed = (status: number): string =>
    `koa-live-session: POST /store_session answered ${status}; changes are shown but not saved. `
  const DOCS = 'node_modules/koa-live-session/docs/troubleshooting.md#502-behind-nginx'

  it('is told once of the buffer of a proxy, at the third 502 in a row', () => {
    expect(told([502, 502], {})).toEqual([])
    expect(told([502, 502, 502, 502], {})).toEqual([
      `${failed(502)}If the server is up, its headers do not fit the proxy's buffer: ${DOCS}`,
    ])
  })

  it.each([500, 503, 504])('is told where to look, at the third %i in a row', (status) => {
    expect(told([status, status, status], {})).toEqual([
      `${failed(status)}The log of the server, or of its proxy, says why.`,
    ])
  })

  it('is told nothing where the server has recovered in between', () => {
    const { posted } = adviceFor({ endpoint: '/store_session' })
    const fail = (): void => posted?.({ status: 502, wait: 0 })
    fail()
    fail()
    posted?.({ status: 200, wait: 0, answer: { results: [], held: [] } as never })
    fail()
    fail()
    expect(warnings).toEqual([])
  })

  it('is told at once of cookies that a server does not accept', () => {
    expect(told([431], {})).toEqual([`${failed(431)}The cookies of this site are too large for the server: ${DOCS}`])
  })
})

describe('a page whose POSTs a login proxy redirects', () => {
  const LOGIN = "A login proxy has redirected it: sign in again, and have the proxy answer 401 to '/store_session'."
  const answerProbe = (type: Response['type']): jest.Mock => {
    const probe = jest.fn(() => Promise.resolve({ type }))
    Object.assign(globalThis, { fetch: probe })
    return probe as never
  }

  it('is told once, where the browser may not read the page that answers', async () => {
    const probe = answerProbe('opaqueredirect')
    told([0, 0], {})
    await turn()
    expect(warnings).toEqual([
      `koa-live-session: POST /store_session answered nothing that this page may read; changes are shown but not saved. ${LOGIN}`,
    ])
    expect(probe).toHaveBeenCalledWith('/store_session', { redirect: 'manual', credentials: 'same-origin' })
  })

  it('is told nothing where the server is away', async () => {
    Object.assign(globalThis, { fetch: () => Promise.reject(new TypeError('Failed to fetch')) })
    told([0, 0], {})
    await turn()
    expect(warnings).toEqual([])
  })

  it('is told what a page in place of the answer may be', () => {
    expect(told([200], {})).toEqual([
      'koa-live-session: POST /store_session answered 200; changes are shown but not saved. ' +
        "It may be a login page: sign in again. Behind a sub-path pass endpoint: '/tools/store_session'. Is app.use(live.middleware()) there?",
    ])
  })
})

describe('a page whose origin is null', () => {
  it('is told that no server can list it', () => {
    const { origin } = globalThis
    Object.assign(globalThis, { origin: 'null' })
    expect(told([0], { endpoint: ENDPOINT, credentials: 'include', socket: socketTo(API, all) })).toEqual([
      `koa-live-session: POST ${ENDPOINT} answered nothing that this page may read; changes are shown but not saved. ` +
        'The origin of this page is null, as of a sandboxed frame or a file, and no server can list it. Serve the page from an origin of its own.',
    ])
    Object.assign(globalThis, { origin })
  })
})

describe('a page whose socket is refused', () => {
  const toldOf = (...errors: readonly object[]): readonly unknown[] => {
    const socket = socketTo(API)
    watchSocket({ socket, onClose: () => undefined })
    for (const error of errors) for (const hear of socket.listeners('connect_error')) hear(error as Error)
    return warnings
  }
  const NEWS = 'Changes made elsewhere do not arrive.'

  it('is told why, once for each reason', () => {
    const refused = (code: string): object => ({ data: { code } })
    expect(toldOf(refused('rate_limited'), refused('rate_limited'), refused('bad_origin'))).toEqual([
      `koa-live-session: the socket was refused: rate_limited. ${NEWS} node_modules/koa-live-session/docs/troubleshooting.md#rate_limited`,
      `koa-live-session: the socket was refused: bad_origin. ${NEWS} node_modules/koa-live-session/docs/troubleshooting.md#bad_origin`,
    ])
  })

  it('is told of sticky sessions where a process does not know its polling requests', () => {
    expect(toldOf({ context: { status: 400 } })).toEqual([
      `koa-live-session: the socket was refused: polling requests reach several processes. ${NEWS} node_modules/koa-live-session/docs/troubleshooting.md#the-socket-comes-back-again-and-again`,
    ])
  })

  it('is told nothing once its client is closed', () => {
    const socket = socketTo(API)
    let close = (): void => undefined
    watchSocket({
      socket,
      onClose: (end) => {
        close = end
      },
    })
    expect(socket.listeners('connect_error')).toHaveLength(1)
    close()
    expect(socket.listeners('connect_error')).toEqual([])
  })

  it('is told nothing of a server that is away, which the browser says itself', () => {
    expect(toldOf({ context: { status: 0 } }, {}, { context: { status: 502 } })).toEqual([])
  })
})

describe('a page whose server has not attached the socket', () => {
  /** A socket that connects, and whose questions are answered so, in turn. */
  const ask = (...answers: readonly ('answered' | 'lost' | 'lost with its connection')[]): readonly unknown[] => {
    const socket = socketTo(API)
    const asked: unknown[] = []
    jest.spyOn(socket, 'timeout').mockReturnValue({
      emit: (...[event, , answer]: [string, object, (lost: Error | null) => void]) => {
        const how = answers[asked.length]
        asked.push(event)
        socket.connected = how !== 'lost with its connection'
        answer(how === 'answered' ? null : new Error('operation has timed out'))
      },
    } as never)
    watchSocket({ socket, onClose: () => undefined })
    for (const _ of answers) for (const hear of socket.listeners('connect')) hear()
    expect(asked).toEqual(answers.map(() => 'live_session:sync'))
    // Once it is known, it is not asked again.
    expect(socket.listeners('connect')).toEqual([])
    return warnings
  }
  const told =
    'koa-live-session: the server does not answer over the socket: changes are saved by POST, and those made elsewhere do not arrive. ' +
    'Call live.attach(io) on the server'

  it('is told so, where nothing answers its question', () => {
    expect(ask('lost')).toEqual([told])
  })

  it('is told so after it has connected again, as a page does to show its first cookie', () => {
    expect(ask('lost with its connection', 'lost')).toEqual([told])
  })

  it('is told nothing where the server answers', () => {
    expect(ask('lost with its connection', 'answered')).toEqual([])
  })
})

describe('createLiveSession', () => {
  const create = (options: object) => createLiveSession(options as never)

  it('is told of a socket in place of its options', () => {
    expect(() => create(socketTo(API))).toThrow(
      'koa-live-session: createLiveSession: expected { socket: io() }, received the socket itself',
    )
  })

  it('is told of an option that there is not, and which was meant', () => {
    expect(() => create({ endPoint: '/tools/store_session' })).toThrow(
      'koa-live-session: createLiveSession: endPoint: no such option (known: socket, initial, endpoint, credentials, headers). Did you mean "endpoint"?',
    )
  })

  it('is told of a second client of the page, unless the first one is closed', () => {
    Object.assign(globalThis, { fetch: () => new Promise(() => undefined) })
    create({}).close()
    const first = create({})
    expect(warnings).toEqual([])
    const second = create({})
    expect(warnings).toEqual([
      'koa-live-session: createLiveSession was called again in this page. Create one client and import it where it is used; close() one that is replaced',
    ])
    first.close()
    second.close()
  })

  it.each([
    [1, []],
    [
      2,
      [
        'koa-live-session: the page has several scripts of embed(), and begins with none of them. Call ctx.liveSession.embed() once',
      ],
    ],
  ])('is told of embed() in the page %i times: %j', (times, expected) => {
    const text = JSON.stringify({ values: { division: 3 }, defaults: {}, stamps: {} })
    document.body.innerHTML = `<script type="application/json" id="live-session">${text}</script>`.repeat(times)
    create({}).close()
    document.body.innerHTML = ''
    expect(warnings).toEqual(expected)
  })
})

describe('a key that a page mistypes', () => {
  const initial = {
    values: { division: 3 },
    defaults: { theme: 'light' },
    stamps: { division: 5 },
  }
  const say = (call: string, key: string, meant: string): string =>
    `koa-live-session: ${call}("${key}"): the page knows no value and no default of this key. Did you mean "${meant}"?`

  beforeEach(() => {
    Object.assign(globalThis, { fetch: () => new Promise(() => undefined) })
    jest.spyOn(console, 'error').mockReturnValue()
  })

  async function use(act: (live: AnyClient) => unknown): Promise<readonly unknown[]> {
    const live: AnyClient = createLiveSession({ initial: initial as never })
    act(live)
    await live.ready
    await live.ready
    live.close()
    return warnings
  }

  it.each<[string, (live: AnyClient) => unknown]>([
    ['get', (live) => live.get('devision' as never)],
    ['has', (live) => live.has('devision' as never)],
    ['subscribe', (live) => live.subscribe('devision' as never, () => undefined)],
    ['status', (live) => live.status('devision' as never)],
    ['field', (live) => live.field('devision' as never)],
    ['set', (live) => live.set('devision' as never, 1 as never)],
    ['update', (live) => live.update('devision' as never, () => 1 as never)],
    ['delete', (live) => live.delete('devision' as never)],
  ])('is told once with the key that is likely meant, by %s', async (call, act) => {
    const twice = (live: AnyClient): void => {
      act(live)
      act(live)
    }
    expect(await use(twice)).toEqual([say(call, 'devision', 'division')])
  })

  it('is told by a test client, too', async () => {
    const live: AnyClient = testClient(defineFields({ division: { schema: z.number(), default: 1 } }))
    live.get('devision' as never)
    await live.flush()
    expect(warnings).toEqual([say('get', 'devision', 'division')])
  })

  it('is not told of known keys, nor of a distant name, which may be an optional field without a value', async () => {
    const read = (live: AnyClient): unknown => [
      live.get('division' as never),
      live.get('theme' as never),
      live.get('note' as never),
      live.status(),
    ]
    expect(await use(read)).toEqual([])
  })
})
