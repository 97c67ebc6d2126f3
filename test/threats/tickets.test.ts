import { createHmac, hkdfSync } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { jwtVerify, SignJWT, UnsecuredJWT } from 'jose'
import type { SocketSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import type { ServerOptions } from 'socket.io'
import { z } from 'zod'
import type { TicketClaims } from '../../shared/protocol.js'
import { App, appFields } from '../support/app/app.js'
import { AuthStore, account, auth, identify } from '../support/app/auth.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { liveOnly } from '../support/app/departures.js'
import { SECRET } from '../support/app/kinds-of-cookies.js'
import { present } from '../support/app/present.js'
import { send } from '../support/app/raw-http.js'
import { recordRefusals } from '../support/app/refused.js'
import type { ReceivedTicket, TestSocket } from '../support/app/socket.js'
import { stamp } from '../support/app/stamp.js'
import { type Changed, change, set, signedInAs, startWithUsers, values } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const TYPE = 'live-session+jwt'

/** Derives the key as docs/maintainers/protocol.md says, without the library. */
function deriveKey(secret: string, purpose = 'ticket'): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `koa-live-session/${purpose}`, 32))
}

const key = deriveKey(SECRET)
const encode = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString('base64url')
const kidOf = (ticket: string): string =>
  JSON.parse(Buffer.from(ticket.split('.')[0] ?? '', 'base64url').toString()).kid

function sign(head: object, claims: object, secret: Buffer = key, hash = 'sha256'): string {
  const text = `${encode(head)}.${encode(claims)}`
  return `${text}.${createHmac(hash, secret).update(text).digest('base64url')}`
}

/** A real ticket, and an attacker's header and claims. */
interface Forgery {
  readonly real: string
  readonly head: object
  readonly claims: TicketClaims
}

function forgery({ text, claims }: ReceivedTicket, now: number): Forgery {
  const changes: TicketClaims['changes'] = [['division', stamp(now + 1000), 66]]
  return { real: text, head: { alg: 'HS256', typ: TYPE, kid: kidOf(text) }, claims: { ...claims, changes } }
}

/** Spells the same 32 bytes in other base64: the last of the 43 characters has two unused bits. */
const respell = (signature: string): string => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return signature.slice(0, -1) + alphabet[alphabet.indexOf(signature.slice(-1)) + 1]
}

/** Expects refusals by POST and by socket. */
async function expectRefused({ visitor, socket }: Omit<Changed, 'ticket'>, text: string, code: string): Promise<void> {
  const answer = await visitor.store({ tickets: [text] })
  expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code, index: 0 } }])
  expect(answer.headers.getSetCookie()).toEqual([])
  expect(await socket.sendTickets(text)).toEqual({ ok: false, code, index: 0 })
}

/** Signs in, and sets a value over a socket without a POST. */
async function signedIn(visitor: Visitor, user: string): Promise<Changed> {
  await visitor.fetch(`/login/now?user=${user}`)
  const socket = await visitor.connect()
  for (let first = 0; first < 2; first += 1) await socket.ticket()
  await socket.change('division', 7)
  return { visitor, socket, ticket: await socket.ticket() }
}

describe('threat 1: a forged ticket', () => {
  it('succeeds only with the derived key, as a JWS library confirms', async () => {
    const app = await startWithUsers({ keys: [SECRET] })
    const { visitor, ticket } = await change(app)
    const options = { audience: 'store_session', typ: TYPE, algorithms: ['HS256'] }
    expect((await jwtVerify(ticket.text, key, options)).payload).toMatchObject({ sub: ticket.claims.sub, epoch: 0 })
    await expect(jwtVerify(ticket.text, deriveKey(SECRET, 'cookie'), options)).rejects.toThrow('signature verification')
    const { head, claims } = forgery(ticket, app.clock.now())
    const made = await new SignJWT({ ...claims }).setProtectedHeader(head as { alg: string }).sign(key)
    expect((await visitor.store({ tickets: [made] })).status).toBe(200)
    expect(await values(visitor)).toMatchObject({ division: 66 })
  })

  it.each<[string, (forgery: Forgery) => string]>([
    ['another secret', ({ head, claims }) => sign(head, claims, deriveKey('a secret of another app entirely'))],
    ['the secret itself', ({ head, claims }) => sign(head, claims, Buffer.from(SECRET))],
    ['the key of cookies', ({ head, claims }) => sign(head, claims, deriveKey(SECRET, 'cookie'))],
    ['an empty key', ({ head, claims }) => sign(head, claims, Buffer.alloc(0))],
    ['the signature of another ticket', ({ real, claims }) => real.replace(/\..*\./, `.${encode(claims)}.`)],
    ['a truncated signature', ({ head, claims }) => sign(head, claims).slice(0, -1)],
    ['no signature', ({ head, claims }) => `${encode(head)}.${encode(claims)}.`],
    ['two parts', ({ head, claims }) => `${encode(head)}.${encode(claims)}`],
    ['a fourth part', ({ head, claims }) => `${sign(head, claims)}.`],
    ['a signature in plain base64', ({ head, claims }) => sign(head, claims).replace(/[^.]+$/, '$&=')],
    ['a respelled signature', ({ head, claims }) => sign(head, claims).replace(/[^.]+$/, respell)],
    ['a padded payload', ({ head, claims }) => sign(head, claims).replace(/\.(?=[^.]*$)/, '=.')],
    ['a space around it', ({ head, claims }) => ` ${sign(head, claims)}`],
    ['alg none, as a library makes it', ({ claims }) => new UnsecuredJWT({ ...claims }).encode()],
    ['alg none, signed', ({ head, claims }) => sign({ ...head, alg: 'none' }, claims)],
    ['no alg', ({ head, claims }) => sign({ ...head, alg: undefined }, claims)],
    ['alg HS512', ({ head, claims }) => sign({ ...head, alg: 'HS512' }, claims, key, 'sha512')],
    ['another typ', ({ head, claims }) => sign({ ...head, typ: 'JWT' }, claims)],
    ['no typ', ({ head, claims }) => sign({ ...head, typ: undefined }, claims)],
    ['another aud', ({ head, claims }) => sign(head, { ...claims, aud: 'hand-off' })],
    ['several auds', ({ head, claims }) => sign(head, { ...claims, aud: ['store_session'] })],
    ['no aud', ({ head, claims }) => sign(head, { ...claims, aud: undefined })],
    ['an unknown kid', ({ head, claims }) => sign({ ...head, kid: 'AAAAAAAA' }, claims)],
    ['a kid of the prototype', ({ head, claims }) => sign({ ...head, kid: '__proto__' }, claims)],
    ['no kid', ({ head, claims }) => sign({ ...head, kid: undefined }, claims)],
    ['a key in its header', ({ head, claims }) => sign({ ...head, kid: 'x', jwk: { kty: 'oct', k: 'AA' } }, claims)],
    ['an expiry in the past', ({ head, claims }) => sign(head, { ...claims, exp: claims.iat })],
    ['no expiry', ({ head, claims }) => sign(head, { ...claims, exp: undefined })],
    ['an expiry as text', ({ head, claims }) => sign(head, { ...claims, exp: String(claims.exp) })],
    ['a stamp of 1e300', ({ head, claims }) => sign(head, { ...claims, changes: [['division', 1e300, 66]] })],
    ['a change of the prototype', ({ head, claims }) => sign(head, { ...claims, changes: [['__proto__', 1, 66]] })],
  ])('fails with %s', async (_, forge) => {
    const app = await startWithUsers({ keys: [SECRET] })
    const changed = await change(app)
    await expectRefused(changed, forge(forgery(changed.ticket, app.clock.now())), 'bad_ticket')
    const page = await changed.visitor.fetch('/')
    expect([await page.json(), page.headers.getSetCookie()]).toMatchObject([{ division: 7 }, []])
  })

  it('fails with the same code as an expired ticket', async () => {
    const app = await startWithUsers({ keys: [SECRET], options: { maxAge: 60_000 } })
    const { visitor, ticket } = await change(app)
    app.clock.advance(60_000)
    const answer = await visitor.store({ tickets: [ticket.text] })
    expect([answer.status, (await answer.json()).error.code]).toEqual([403, 'bad_ticket'])
    expect(await values(visitor)).toMatchObject({ division: -1 })
  })
})

describe('threat 2: a replayed ticket', () => {
  it.each([[[0]], [[2, 1, 0]], [[1, 1, 1, 0, 2, 0, 1]], [Array.from({ length: 50 }, (_, i) => i % 3)]])(
    'changes nothing when replayed in the order %p',
    async (order) => {
      const app = await startWithUsers()
      const { visitor, socket, ticket } = await change(app)
      await socket.set(['division', -1, '', 8], ['cart', -1, '', ['a']])
      const second = await socket.ticket()
      await socket.change('cart')
      const all = [ticket, second, await socket.ticket()]
      await visitor.store({ tickets: all.map(({ text }) => text) })
      const { r: registers } = cookieContent(visitor)
      const replayed = order.flatMap((i) => all[i]?.text ?? [])
      const answer = await visitor.store({ tickets: replayed })
      expect([answer.status, (await answer.json()).results]).toEqual([200, []])
      expect(await socket.sendTickets(...replayed)).toHaveProperty('results')
      expect(await values(visitor)).toMatchObject({ division: 8, cart: [] })
      expect(cookieContent(visitor).r).toEqual(registers)
    },
  )
})

describe('threat 3: the ticket of another subject', () => {
  it('fails for another user', async () => {
    const app = await startWithUsers()
    const ann = await signedIn(app.visitor(), 'ann')
    const bob = await signedIn(app.visitor(), 'bob')
    await set(bob.visitor, { division: 2 })
    await expectRefused(bob, ann.ticket.text, 'other_visitor')
    expect(await values(bob.visitor)).toMatchObject({ division: 2 })
  })

  it.each(['a cookie of its own', 'no cookie'])('fails for a browser with %s', async (which) => {
    const app = await startWithUsers()
    const { ticket } = await change(app)
    const thief = app.visitor(which === 'no cookie' ? undefined : cookieFor(app.live, { values: { division: 2 } }))
    const before = await values(thief)
    await expectRefused({ visitor: thief, socket: await thief.connect() }, ticket.text, 'other_visitor')
    expect(await values(thief)).toEqual(before)
  })

  it('fails, and so do the changes in the same POST', async () => {
    const app = await startWithUsers()
    const { ticket } = await change(app)
    const thief = app.visitor(cookieFor(app.live, { values: { division: 2 } }))
    const answer = await thief.store({ tickets: [ticket.text], set: [['division', -1, '', 3]] })
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'other_visitor', index: 0 } }])
    expect(await values(thief)).toMatchObject({ division: 2 })
  })

  it('succeeds in other browsers of its user, after a restart', async () => {
    const before = await startWithUsers()
    const { ticket } = await signedIn(before.visitor(), 'ann')
    await before.stop({ isCrash: true })
    const app = await startWithUsers({ clock: before.clock })
    const other = await signedInAs(app)
    expect((await other.store({ tickets: [ticket.text] })).status).toBe(200)
    expect((await app.live.user('ann')).inspect().get('division')).toMatchObject({ value: 7, source: 'ticket' })
  })

  it.each([
    ['the guest has left', '/logout/leave'],
    ['ann has signed in', '/login/now?user=ann'],
    ['ann has signed in and out', '/login/now?user=ann /logout/leave'],
  ])('fails for users who bring the guest\u2019s old cookie: %s', async (_, paths) => {
    const app = await startWithUsers({ store: new AuthStore() })
    const visitor = app.visitor()
    await visitor.store()
    const socket = await visitor.connect()
    await socket.ticket()
    await socket.change('division', 7)
    const { text } = await socket.ticket()
    const old = liveOnly(visitor.cookie)
    for (const path of paths.split(' ')) await visitor.fetch(path)
    for (const user of ['ann', 'bob']) {
      const session = app.visitor()
      await session.fetch(`/login/unused?user=${user}`)
      const late = app.visitor(`${old}; ${session.cookie}`)
      await late.store()
      expect((await late.store({ tickets: [text] })).status).toBe(403)
    }
    expect((await app.live.user('bob')).has('division')).toBe(false)
  })

  it('brings a user only those values that belong to the browser', async () => {
    const text = { schema: z.string(), default: '', client: 'write' } as const
    const own = { ...text, scope: 'browser' } as const
    const former = defineFields({ theme: own, note: own })
    const fields = defineFields({ theme: own, note: text })
    const given = { options: { identify: () => 'ann' } as never, attach: { handshake: [] } }
    // The former build declares both fields in the browser's scope.
    const before = await App.start<typeof former>({ ...given, fields: former })
    const visitor = before.visitor()
    await visitor.store()
    const socket = await visitor.connect()
    for (let first = 0; first < 2; first += 1) await socket.ticket()
    await socket.set(['theme', -1, '', 'dark'], ['note', -1, '', 'x'])
    const { text: ticket } = await socket.ticket()
    const app = await App.start<typeof fields>({
      ...given,
      fields,
      clock: before.clock,
      routes: (ctx) => {
        ctx.body = Object.fromEntries(ctx.liveSession.inspect())
      },
    })
    const same = app.visitor(visitor.cookie)
    expect((await same.store({ tickets: [ticket] })).status).toBe(200)
    expect(await values(same)).toEqual({ theme: expect.objectContaining({ value: 'dark', source: 'ticket' }) })
    expect((await app.live.user('ann')).has('note')).toBe(false)
  })
})

describe('threat 5: a rotated secret', () => {
  const [OLD, NEW] = ['the old secret, of thirty-two bytes', 'the new secret, of thirty-two bytes']

  it('verifies tickets until its removal', async () => {
    const before = await startWithUsers({ keys: [OLD] })
    const { visitor, ticket } = await change(before, cookieFor(before.live, {}))
    const fresh = cookieFor(before.live, { browserId: cookieContent(visitor).browser })
    await before.stop()
    const rotated = await startWithUsers({ keys: [NEW, OLD], clock: before.clock })
    const same = rotated.visitor(fresh)
    expect((await same.store({ tickets: [ticket.text] })).status).toBe(200)
    expect(await values(same)).toMatchObject({ division: 7 })
    const removed = await startWithUsers({ keys: [NEW], clock: before.clock })
    const late = removed.visitor(same.cookie)
    const answer = await late.store({ tickets: [ticket.text] })
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'bad_ticket', index: 0 } }])
    expect(late.cookie).toBe(same.cookie)
    expect(await values(late)).toMatchObject({ division: 7 })
  })

  it('verifies cookies, which are re-signed at once', async () => {
    const before = await startWithUsers({ keys: [OLD] })
    const cookie = cookieFor(before.live, { values: { division: 7 } })
    const rotated = await startWithUsers({ keys: [NEW, OLD], clock: before.clock })
    const visitor = rotated.visitor(cookie)
    expect((await (await visitor.connect()).ticket()).claims.changes).toEqual([['division', before.clock.now(), 7]])
    const answer = await visitor.fetch('/')
    expect(await answer.json()).toMatchObject({ division: 7 })
    const written = answer.headers.getSetCookie()
    expect(written.map((text) => text.split('=')[0])).toEqual(['live', 'live.sig'])
    for (const text of written) expect(text).toMatch(/; expires=.*; samesite=lax; httponly$/i)
    expect(cookieContent(visitor).r).toEqual([['division', before.clock.now(), 7]])
    expect((await visitor.fetch('/')).headers.getSetCookie()).toEqual([])
    const removed = await startWithUsers({ keys: [NEW], clock: before.clock })
    expect(await values(removed.visitor(visitor.cookie))).toMatchObject({ division: 7 })
  })

  it('verifies no cookies after its removal', async () => {
    const before = await startWithUsers({ keys: [OLD] })
    const removed = await startWithUsers({ keys: [NEW], clock: before.clock })
    const visitor = removed.visitor(cookieFor(before.live, { values: { division: 7 } }))
    expect(await values(visitor)).toMatchObject({ division: -1 })
    expect((await (await visitor.connect()).ticket()).claims.changes).toEqual([])
  })
})

describe('tab tickets', () => {
  const fields = defineFields({
    ...appFields,
    step: { schema: z.number().int(), default: 1, client: 'write', scope: 'tab' },
  })

  const refusals = recordRefusals()

  /** The values of `step` read by the app's `connection` handlers. */
  let seen: unknown[] = []

  async function start(own: object = {}): Promise<App<typeof fields>> {
    seen = []
    const app = await App.start({
      fields,
      before: (koa) => [auth(koa)],
      options: { identify, ...own } as never,
      routes: async (ctx, next) => {
        if (ctx.path === '/page') ctx.body = ctx.liveSession.snapshot()
        else await account(ctx, next)
      },
    })
    app.io.on('connection', (socket) => {
      seen.push((socket.liveSession as unknown as SocketSession<typeof fields>).get('step'))
    })
    return app
  }

  /** Opens a tab with these tickets in `auth`. */
  async function tab(visitor: Visitor, ...liveTab: unknown[]): Promise<TestSocket> {
    const socket = await visitor.connect('/', {}, { liveTab: liveTab.length === 1 ? liveTab[0] : liveTab })
    await socket.greeted
    return socket
  }

  /** Sets a step in a tab, and returns the ticket of this change. */
  async function ticketOf(visitor: Visitor, step = 3): Promise<string> {
    await visitor.text('/page')
    const socket = await tab(visitor)
    await socket.change('step', step)
    return present(socket.tickets.findLast(({ claims }) => claims.changes[0]?.[0] === 'step')).text
  }

  const to = (destination: string) => ({ 'sec-fetch-dest': destination })
  const OVER_HTTP = { 'upgrade-insecure-requests': '1' }

  async function step(visitor: Visitor, text: string, headers: Record<string, string> = OVER_HTTP): Promise<unknown> {
    const cookie = `${visitor.cookie}; live-tab=${text}`
    // Not `fetch`, which sends a `Sec-Fetch-Mode` of its own.
    const { text: snapshot } = await send(`${visitor.url}/page`, { headers: { cookie, ...headers } })
    return JSON.parse(snapshot).values.step
  }

  describe('threat 74: tickets of a tab', () => {
    it('are accepted from their own browser, in auth and live-tab', async () => {
      const app = await start()
      const visitor = app.visitor()
      const ticket = await ticketOf(visitor)
      await tab(visitor, [ticket])
      expect(seen).toEqual([1, 3])
      expect([await step(visitor, ticket), await step(visitor, ticket, to('document')), refusals]).toEqual([3, 3, []])
    })

    it.each<[options: object, name: string]>([
      [{}, 'live-tab'],
      [{ key: 'tools' }, 'tools-tab'],
    ])('come in the cookie that the page of the app is told: %j', async (options, name) => {
      const app = await start(options)
      const visitor = app.visitor()
      const ticket = await ticketOf(visitor)
      const headers = { ...OVER_HTTP, cookie: `${visitor.cookie}; other-tab=forged; ${name}=${ticket}` }
      const { values, tabCookie } = JSON.parse((await send(`${visitor.url}/page`, { headers })).text)
      expect([values.step, tabCookie, refusals]).toEqual([3, name, []])
    })

    it('are accepted from a service worker that fetches a page', async () => {
      const visitor = (await start()).visitor()
      const ticket = await ticketOf(visitor)
      expect(await step(visitor, ticket, { ...to('empty'), 'sec-fetch-mode': 'navigate' })).toBe(3)
    })

    it.each<[string, string, (app: App<typeof fields>, own: string) => Promise<unknown> | unknown]>([
      ['of another browser', 'other_visitor', async (app) => [await ticketOf(app.visitor(), 9)]],
      ['forged', 'bad_ticket', (_, own) => [`${own.slice(0, -4)}AAAA`]],
      ['beside a forged ticket', 'bad_ticket', (_, own) => [own, 'forged']],
      ['of 70 kB', 'malformed', (_, own) => Array.from({ length: 200 }, () => own)],
      ['not in a list', 'malformed', (_, own) => own],
      ['as objects', 'malformed', () => [{}]],
      [
        'of the browser itself',
        'other_visitor',
        async (app) => {
          const socket = await tab(app.visitor())
          return [(await socket.greeted).greeting?.[0]]
        },
      ],
    ])('are ignored and reported in a handshake: %s', async (_, code, make) => {
      const app = await start()
      const visitor = app.visitor()
      const given = await make(app, await ticketOf(visitor))
      refusals.length = 0
      seen = []
      const socket = await visitor.connect('/', {}, { liveTab: given })
      await socket.greeted
      expect([seen, refusals]).toEqual([[1], [`handshake ${code}`]])
      expect(await socket.change('step', 4)).toMatchObject({ level: 'memory' })
    })

    it('are ignored if foreign or forged, and outside page loads', async () => {
      const app = await start()
      const visitor = app.visitor()
      const own = await ticketOf(visitor)
      const other = await ticketOf(app.visitor(), 9)
      expect(await step(visitor, other)).toBe(1)
      expect(await step(visitor, `${own.slice(0, -4)}AAAA`)).toBe(1)
      expect(await step(visitor, Array.from({ length: 20 }, () => own).join('~'))).toBe(3)
      expect(refusals).toEqual(['request other_visitor', 'request bad_ticket'])
      for (const headers of [...['iframe', 'image', 'empty', 'script'].map(to), {}])
        expect([headers, await step(visitor, own, headers)]).toEqual([headers, 1])
    })

    it('are rate-limited by their size', async () => {
      const app = await start()
      const visitor = app.visitor()
      const own = await ticketOf(visitor)
      const many = Array.from({ length: Math.floor(64_000 / own.length) }, () => own)
      for (let i = 0; i < 20; i += 1) (await visitor.connect('/', {}, { liveTab: many })).io.disconnect()
      expect(refusals.filter((one) => one === 'handshake rate_limited').length).toBeGreaterThan(0)
    })

    it.each(['/login/now?user=ann', '/logout'])('are ignored after %s retires the browser id', async (path) => {
      const app = await start()
      const visitor = app.visitor()
      if (path === '/logout') await visitor.fetch('/login/now?user=ann')
      const own = await ticketOf(visitor)
      const { cookie } = visitor
      await visitor.fetch(path)
      await visitor.text('/page')
      expect(visitor.cookie).not.toBe(cookie)
      seen = []
      refusals.length = 0
      await tab(visitor, [own])
      // After a sign-in, a page brings its guest's tickets. Without onLogin, no value follows.
      const refused = path === '/logout' ? ['handshake other_visitor', 'request other_visitor'] : []
      expect([await step(visitor, own), seen, refusals]).toEqual([1, [1], refused])
    })

    it('reach neither another tab nor the cookie', async () => {
      const app = await start()
      const visitor = app.visitor()
      await visitor.text('/page')
      const [one, two] = [await tab(visitor), await tab(visitor)]
      await one.change('step', 3)
      await one.change('division', 4)
      await two.ticket()
      expect(two.tickets.flatMap(({ claims }) => claims.changes)).not.toContainEqual(['step', expect.anything(), 3])
      const text = /(?:^|; )live=([^;]*)/.exec(visitor.cookie)?.[1] ?? ''
      expect(Buffer.from(text, 'base64').toString()).not.toContain('step')
    })
  })
})

type Recovery = NonNullable<ServerOptions['connectionStateRecovery']>

describe('threats 20 and 39: connection state recovery', () => {
  it.each<readonly [string, Recovery]>([
    ['with defaults', {}],
    ['even if middleware runs again', { skipMiddlewares: false }],
  ])('is rejected by attach(), %s', async (_, connectionStateRecovery) => {
    const app = await App.start({ isAttached: false, io: { connectionStateRecovery } })
    expect(() => app.live.attach(app.io)).toThrow(
      new TypeError(
        'koa-live-session: attach(io): connectionStateRecovery gives a socket its former rooms, data and missed events ' +
          'before its visitor is known, even after a sign-out. Leave it out: at each reconnect every value arrives by itself, ' +
          "and io.on('connection') can send the rest",
      ),
    )
  })
})
