import { createHmac, hkdfSync } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from '@jest/globals'
import Koa from 'koa'
import { testClock } from 'koa-live-session/testing'
import { type CookieContent, readable } from '../../server/cookie/content.js'
import { privateCacheControl } from '../../server/http/cache-control.js'
import { describeBadOrigin, isOwnPost, isOwnWebSocket, originHeaders } from '../../server/http/origin.js'
import { SigningKeys } from '../../server/subjects/signing-keys.js'
import { newBrowserId, subjectHash, userSubject } from '../../server/subjects/subject.js'
import { Tickets } from '../../server/values/ticket.js'
import { SKEW } from '../../shared/stamp.js'
import { SECRET } from '../support/app/app.js'
import { browserId } from '../support/app/browser-id.js'
import { COOKIE_OPTIONS } from '../support/app/cookie-options.js'
import { liveCookie } from '../support/app/live-cookie.js'
import { register } from '../support/app/register.js'
import { stamp } from '../support/app/stamp.js'

describe('cookie', () => {
  const clock = testClock()
  const options = { ...COOKIE_OPTIONS, maxAge: 60_000 }
  const make = (secrets = [SECRET], now = clock.now) => liveCookie(new SigningKeys(secrets, 'cookie'), options, now)
  const content: CookieContent = {
    browser: browserId('b'),
    user: undefined,
    epoch: 0,
    registers: [register('division', 5, 3)],
  }
  const own = make().header(content)
  const planted = make().header({ ...content, user: subjectHash(userSubject('ann')), registers: [] })
  const signedAs = (payload: unknown): string => {
    const pair = `live=${Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)).toString('base64')}`
    return `${pair}; live.sig=${new SigningKeys([SECRET], 'cookie').sign(pair)}`
  }
  const payload = { v: 1, browser: 'b'.repeat(22), epoch: 0, exp: clock.now() + 1000, r: [] as unknown[] }

  describe('the live cookie', () => {
    it('returns stable registers, despite other reads and a later clock', () => {
      const time = testClock(clock.now())
      const cookie = make([SECRET], time.now)
      // A cookie of a fast clock, whose register gets the stamp 1, now and later.
      const ahead = cookie.header({ ...content, registers: [register('division', time.now() + 2 * SKEW, 3)] })
      const [first, other] = [
        readable(cookie.read({ headers: { cookie: ahead } })),
        readable(cookie.read({ headers: { cookie: own } })),
      ]
      const told = [first, other, first, other].map((each) => each?.registers)
      expect(told.map((registers) => registers?.map(({ stamp }) => stamp))).toEqual([[1], [5], [1], [5]])
      time.advance(2 * SKEW)
      expect(first?.registers).toEqual([register('division', 1, 3)])
    })

    it('is verified once, then recognized by its text', () => {
      const cookie = make()
      expect(cookie.read({ headers: { cookie: `a=b; ${own}; c=d` } })).toBe(cookie.read({ headers: { cookie: own } }))
    })

    // `threats/cookies` has the cookies that an attacker can plant or make.
    it.each([
      ['among others without a space', `a=b;${own.replace('; ', ';')};c=d`],
      ['behind a cookie of another user', `${planted}; ${own}`],
      ['behind malformed cookies', `live=${'a'.repeat(100)}; ${'live=x; live.sig=x; '.repeat(20)}${own}`],
    ])('is found %s', (_, header) => {
      expect(make().read({ headers: { cookie: header } })).toMatchObject(content)
    })

    it.each([
      ['no header', undefined],
      ['an empty header', ''],
      ['other cookies', 'a=b'],
      ['a list', signedAs([])],
      ['no browser', signedAs({ ...payload, browser: undefined })],
      ['a browser id too short to be random', signedAs({ ...payload, browser: 'b' })],
      ['malformed registers', signedAs({ ...payload, r: [['a']] })],
      ['no registers', signedAs({ ...payload, r: undefined })],
      ['no expiry', signedAs({ ...payload, exp: undefined })],
      ['no epoch', signedAs({ ...payload, epoch: 'x' })],
    ])('is undefined for %s', (_, header) => {
      expect(make().read({ headers: { cookie: header } })).toBeUndefined()
    })

    it('retains only its own text of a Cookie header', () => {
      const [COOKIES, PADDING] = [1000, 12_000]
      setFlagsFromString('--expose-gc')
      const collect: () => void = runInNewContext('gc')
      const cookie = make()
      const read = (): void => {
        const header = `${cookie.header({ ...content, browser: newBrowserId() })}; other=${'x'.repeat(PADDING)}`
        // A flat string, as in node:http.
        expect(cookie.read({ headers: { cookie: Buffer.from(header).toString('latin1') } })).toBeDefined()
      }
      read()
      collect()
      const before = process.memoryUsage().heapUsed
      for (let i = 0; i < COOKIES; i += 1) read()
      collect()
      expect(process.memoryUsage().heapUsed - before).toBeLessThan((COOKIES * PADDING) / 2)
    })
  })
})

it('accepts no origin while the server does not know its own', () => {
  expect(isOwnPost({ site: '', origin: 'https://example.com', own: 'https://' }, [])).toBe(false)
  expect(isOwnWebSocket({ site: '', origin: 'null', own: 'null' }, [])).toBe(false)
})

describe('the claimed and the own origin of a request', () => {
  const advice = 'If that page is yours, set proxy = true on the Koa app behind a proxy, or list the origin in origins.'
  it.each([
    [{ origin: 'http://a.example', site: '' }, 'http://a.example'],
    [{ origin: '', site: 'cross-site' }, 'nothing (Sec-Fetch-Site: cross-site)'],
    [{ origin: 'x'.repeat(300), site: '' }, 'x'.repeat(200)],
  ])('are in the log entry: %j', (claims, says) => {
    const own = `http://${'y'.repeat(300)}`
    expect(describeBadOrigin({ ...claims, own })).toBe(
      `403 bad_origin: the browser says ${says}, this server thinks it is ${own.slice(0, 200)}. ${advice}`,
    )
  })

  it('are missing in a client that is no browser', () => {
    const own = 'https://a.example'
    expect(describeBadOrigin({ origin: '', site: '', own })).toBe(
      "403 bad_origin: a request names no origin, as of a client that is no browser: expected the header origin: 'https://a.example'. " +
        'With socket.io-client pass it in extraHeaders of io()',
    )
  })

  it('are read from its headers', () => {
    const headers = { host: 'example.com', origin: 'https://example.com', 'sec-fetch-site': 'same-origin' }
    const ctx = new Koa().createContext({ headers, socket: {} } as never, {} as never)
    expect(originHeaders(ctx)).toEqual({
      origin: 'https://example.com',
      site: 'same-origin',
      own: 'http://example.com',
    })
  })

  it.each([
    ['ws', 'http://example.com'],
    ['wss', 'https://example.com'],
  ])('replace the protocol %s of a proxy by that of pages', (protocol, own) => {
    const headers = { host: 'example.com', 'x-forwarded-proto': protocol }
    const ctx = new Koa({ proxy: true }).createContext({ headers, socket: {} } as never, {} as never)
    expect(originHeaders(ctx).own).toBe(own)
  })
})

describe('the app’s own Cache-Control on a visitor’s answer', () => {
  it.each([
    ['public', 'private'],
    ['public, max-age=60', 'private, max-age=60'],
    ['max-age=60, public', 'private, max-age=60'],
    ['PUBLIC, Max-Age=60', 'private, Max-Age=60'],
    ['public,max-age=60,s-maxage=600', 'private, max-age=60'],
    ['s-maxage=600', 'private'],
    ['S-MaxAge = 600 , max-age=60', 'private, max-age=60'],
    ['max-age=60', 'private, max-age=60'],
    ['max-age=0, must-revalidate', 'private, max-age=0, must-revalidate'],
    ['no-cache', 'private, no-cache'],
    ['public, max-age=31536000, immutable', 'private, max-age=31536000, immutable'],
    ['public, stale-while-revalidate=60', 'private, stale-while-revalidate=60'],
    ['private, public', 'private'],
    ['public, no-store', 'no-store'],
    ['no-store, must-understand, max-age=60', 'no-store, max-age=60'],
    // Only some headers are private here, so shared caches would store the body.
    ['private="set-cookie", max-age=60', 'private, max-age=60'],
    ['private="x, public", public', 'private'],
    ['public, no-cache="set-cookie, vary"', 'private, no-cache="set-cookie, vary"'],
    ['no-cache="a \\" public, b", public', 'private, no-cache="a \\" public, b"'],
    ['publicly, max-age=60', 'private, publicly, max-age=60'],
    ['', 'private'],
    [' , ,public', 'private'],
    ['public, "', 'private, "'],
  ])('%s becomes %s', (given, expected) => {
    expect(privateCacheControl(given)).toBe(expected)
  })

  it.each(['private', 'private, max-age=60', 'no-store', 'no-cache, no-store, must-revalidate', 'Private,max-age=60'])(
    '%s stays unchanged',
    (given) => {
      expect(privateCacheControl(given)).toBe(given)
    },
  )
})

describe('ticket', () => {
  const NOW = 1_767_225_600_000
  const MAX_AGE = 60_000
  const keys = new SigningKeys([SECRET], 'ticket')
  const tickets = new Tickets(keys, MAX_AGE)
  const sub = 'x'.repeat(43)
  const good = tickets.sign({ sub, epoch: 0, changes: [['division', stamp(NOW), 3]] }, NOW)

  const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const derived = Buffer.from(hkdfSync('sha256', SECRET, '', 'koa-live-session/ticket', 32))
  const signed = (head: unknown, claims: unknown): string => {
    const text = `${typeof head === 'string' ? head : base64url(head)}.${base64url(claims)}`
    return `${text}.${createHmac('sha256', derived).update(text).digest('base64url')}`
  }
  const head = { alg: 'HS256', typ: 'live-session+jwt', kid: keys.id }
  const claims = {
    aud: 'store_session',
    sub,
    epoch: 0,
    iat: NOW / 1000,
    exp: NOW / 1000 + 60,
    changes: [] as unknown[],
  }

  describe('a ticket', () => {
    // `threats/tickets` has the forgeries possible for an attacker.
    it.each([
      ['over 64 kB', `${good}${'A'.repeat(64 * 1024)}`],
      ['a critical extension', signed({ ...head, crit: ['exp'] }, claims)],
      ['a header that is no JSON', signed('x', claims)],
      ['a header that is a list', signed([], claims)],
      ['no subject', signed(head, { ...claims, sub: 1 })],
      ['an epoch that is no integer', signed(head, { ...claims, epoch: 1.5 })],
      ['no changes', signed(head, { ...claims, changes: undefined })],
      ['a change without a stamp', signed(head, { ...claims, changes: [['a']] })],
      [
        'a value too deep',
        signed(head, { ...claims, changes: [['a', 1, JSON.parse('['.repeat(40) + ']'.repeat(40))]] }),
      ],
      ['no date', signed(head, { ...claims, iat: undefined })],
      ['claims that are a list', signed(head, [])],
      ['claims that are null', signed(head, null)],
    ])('is rejected with %s', (_, text) => {
      expect(() => tickets.verify(text, NOW, 0)).toThrow(expect.objectContaining({ code: 'bad_ticket', status: 403 }))
    })
  })
})
