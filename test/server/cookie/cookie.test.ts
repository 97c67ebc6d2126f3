import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from '@jest/globals'
import Koa from 'koa'
import { testClock } from 'koa-live-session/testing'
import { type CookieContent, readable } from '../../../server/cookie/content.js'
import { LiveCookie } from '../../../server/cookie/cookie.js'
import { GuestMemory } from '../../../server/memory/guest-memory.js'
import { SigningKeys } from '../../../server/subjects/signing-keys.js'
import { newBrowserId, subjectHash, userSubject } from '../../../server/subjects/subject.js'
import { SKEW } from '../../../shared/stamp.js'
import { browserId } from '../../support/app/browser-id.js'
import { COOKIE_OPTIONS } from '../../support/app/cookie-options.js'
import { register } from '../../support/app/register.js'

const secret = 'a secret of at least thirty-two bytes'
const clock = testClock()
const options = { ...COOKIE_OPTIONS, maxAge: 60_000 }
const make = (secrets = [secret], now = clock.now) =>
  new LiveCookie(new Koa(), new SigningKeys(secrets, 'cookie'), options, {
    clock: now,
    isCurrent: () => true,
    onDrop: () => undefined,
    warn: () => undefined,
    guestMemory: new GuestMemory(64_000_000),
  })
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
  return `${pair}; live.sig=${new SigningKeys([secret], 'cookie').sign(pair)}`
}
const payload = { v: 1, browser: 'b'.repeat(22), epoch: 0, exp: clock.now() + 1000, r: [] as unknown[] }

describe('the live cookie', () => {
  it('returns stable registers, despite other reads and a later clock', () => {
    const time = testClock(clock.now())
    const cookie = make([secret], time.now)
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
