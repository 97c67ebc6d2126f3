import { describe, expect, it } from '@jest/globals'
import Koa from 'koa'
import { describeBadOrigin, isOwnPost, isOwnWebSocket, originHeaders } from '../../../server/http/origin.js'

it('accepts no origin while the server does not know its own', () => {
  expect(isOwnPost({ site: '', origin: 'https://example.com', own: 'https://' }, [])).toBe(false)
  expect(isOwnWebSocket({ site: '', origin: 'null', own: 'null' }, [])).toBe(false)
})

describe('the claimed and the own origin of a request', () => {
  const advice = 'If that page is yours, set app.proxy = true behind a proxy, or list the origin in origins.'
  it.each([
    [{ origin: 'http://a.example', site: '' }, 'http://a.example'],
    [{ origin: '', site: 'cross-site' }, 'nothing (Sec-Fetch-Site: cross-site)'],
    [{ origin: '', site: '' }, 'nothing (Sec-Fetch-Site: none sent)'],
    [{ origin: 'x'.repeat(300), site: '' }, 'x'.repeat(200)],
  ])('are in the log entry: %j', (claims, says) => {
    const own = `http://${'y'.repeat(300)}`
    expect(describeBadOrigin({ ...claims, own })).toBe(
      `403 bad_origin: the browser says ${says}, this server thinks it is ${own.slice(0, 200)}. ${advice}`,
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
