import { describe, expect, it } from '@jest/globals'
import Koa from 'koa'
import {
  describeBadOrigin,
  isOwnPolling,
  isOwnPost,
  isOwnWebSocket,
  originClaims,
} from '../../../../server/kernel/requests/origin.js'

const own = 'https://example.com'
const trusted = ['https://trusted.example']

// The rows of csrf_test.go (Go 1.25, net/http), and those where we ask for more: the scheme.
describe('a POST', () => {
  it.each([
    ['same-origin', '', true],
    ['none', '', true],
    ['cross-site', '', false],
    ['same-site', '', false],
    ['', '', true],
    ['', 'https://example.com', true],
    ['', 'https://attacker.example', false],
    ['', 'null', false],
    ['', 'https://trusted.example', true],
    ['cross-site', 'https://trusted.example', true],
    ['cross-site', 'https://attacker.example', false],
    ['', 'http://example.com', false],
    ['', 'https://example.com:443', true],
    ['', 'https://example.com:8443', false],
    ['', 'https://EXAMPLE.com', true],
    ['', 'https://example.com.evil', false],
    ['', 'https://evil-example.com', false],
    ['', 'https://example.com@evil.example', false],
    ['', 'file://', false],
    ['', 'not an origin', false],
    ['Same-Origin', '', false],
  ])('from Sec-Fetch-Site %p and Origin %p', (site, origin, expected) => {
    expect(isOwnPost({ site, origin, own }, trusted)).toBe(expected)
  })
})

describe('a websocket handshake', () => {
  it.each([
    ['https://example.com', true],
    ['https://trusted.example', true],
    ['', false],
    ['null', false],
    ['http://example.com', false],
    ['https://example.com:8443', false],
    ['https://example.com.evil', false],
    ['https://evil-example.com', false],
    ['https://sub.example.com', false],
  ])('from Origin %p', (origin, expected) => {
    expect(isOwnWebSocket({ site: '', origin, own }, trusted)).toBe(expected)
  })
})

describe('a polling handshake', () => {
  it.each([
    ['', '', true],
    ['same-origin', '', true],
    ['none', '', true],
    ['cross-site', '', false],
    ['same-site', '', false],
    ['', 'https://example.com', true],
    ['same-origin', 'https://example.com', true],
    ['cross-site', 'https://example.com', false],
    ['same-origin', 'https://attacker.example', false],
    ['', 'null', false],
    ['cross-site', 'https://trusted.example', true],
  ])('from Sec-Fetch-Site %p and Origin %p', (site, origin, expected) => {
    expect(isOwnPolling({ site, origin, own }, trusted)).toBe(expected)
  })
})

it('an unknown own origin accepts nothing', () => {
  expect(isOwnPost({ site: '', origin: 'https://example.com', own: 'https://' }, [])).toBe(false)
  expect(isOwnWebSocket({ site: '', origin: 'null', own: 'null' }, [])).toBe(false)
})

describe('the log entry', () => {
  const advice = 'Behind a proxy set app.proxy = true, or list it in origins.'
  it.each([
    [{ origin: 'http://a.example', site: '' }, 'http://a.example'],
    [{ origin: '', site: 'cross-site' }, 'nothing (Sec-Fetch-Site: cross-site)'],
    [{ origin: '', site: '' }, 'nothing (Sec-Fetch-Site: none sent)'],
    [{ origin: 'x'.repeat(300), site: '' }, 'x'.repeat(200)],
  ])('of %j', (claims, says) => {
    const own = `http://${'y'.repeat(300)}`
    expect(describeBadOrigin({ ...claims, own })).toBe(
      `403 bad_origin: the browser says ${says}, this server thinks it is ${own.slice(0, 200)}. ${advice}`,
    )
  })

  it('has the claims of the request', () => {
    const headers = { host: 'example.com', origin: 'https://example.com', 'sec-fetch-site': 'same-origin' }
    const ctx = new Koa().createContext({ headers, socket: {} } as never, {} as never)
    expect(originClaims(ctx)).toEqual({ origin: 'https://example.com', site: 'same-origin', own: 'http://example.com' })
  })

  it.each([
    ['ws', 'http://example.com'],
    ['wss', 'https://example.com'],
  ])('treats %s of a proxy as the page’s protocol', (protocol, own) => {
    const headers = { host: 'example.com', 'x-forwarded-proto': protocol }
    const ctx = new Koa({ proxy: true }).createContext({ headers, socket: {} } as never, {} as never)
    expect(originClaims(ctx).own).toBe(own)
  })
})
