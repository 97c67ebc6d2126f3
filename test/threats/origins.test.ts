import { describe, expect, it } from '@jest/globals'
import { coreOf } from '../../server/plugin.js'
import { send } from '../support/raw-http.js'
import { BAD_ORIGIN, claims, startSite } from '../support/site.js'

describe('threat 6: a cross-site POST', () => {
  const body = JSON.stringify({ set: [['division', -1, '', 66]] })
  const json = { 'content-type': 'application/json' }

  // Sec-Fetch-Site, Origin: the rows of Go's table, and those where more is asked for, the scheme above all.
  it.each([
    ['same-origin', ''],
    ['none', ''],
    ['', ''],
    ['', 'https://example.com'],
    ['', 'https://trusted.example'],
    ['cross-site', 'https://trusted.example'],
    ['same-origin', 'https://example.com'],
    ['', 'https://EXAMPLE.com'],
    ['', 'https://example.com:443'],
  ])('is none where Sec-Fetch-Site is %p and Origin %p: the value is stored', async (site, origin) => {
    const { app, ann, headers } = await startSite()
    const request = { method: 'POST', headers: { ...headers, ...json, ...claims(site, origin) }, body }
    const answer = await send(`${app.url}/store_session`, request)
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([200, { results: [{ stamp: expect.any(Number) }] }])
    expect(answer.headers['set-cookie']).toHaveLength(2)
    expect(await (await ann.fetch('/')).json()).toMatchObject({ division: 66 })
  })

  it.each([
    ['cross-site', ''],
    ['same-site', ''],
    ['', 'https://attacker.example'],
    ['', 'null'],
    ['cross-site', 'https://attacker.example'],
    ['cross-site', 'https://example.com'],
    ['same-site', 'https://sub.example.com'],
    ['Same-Origin', ''],
    ['unheard-of', ''],
    ['', 'http://example.com'],
    ['', 'https://example.com:8443'],
    ['', 'https://example.com.evil'],
    ['', 'https://evil-example.com'],
    ['', 'https://sub.example.com'],
    ['', 'https://example.com@evil.example'],
    ['', 'https://evil.example/https://example.com'],
    ['', 'https://trusted.example.evil'],
    ['', 'http://trusted.example'],
    ['', 'https://trusted.example, https://attacker.example'],
    ['', 'file://'],
    ['', 'example.com'],
    ['', 'not an origin'],
  ])('is refused where Sec-Fetch-Site is %p and Origin %p, and nothing changes', async (site, origin) => {
    const { app, ann, headers } = await startSite()
    const request = { method: 'POST', headers: { ...headers, ...json, ...claims(site, origin) }, body }
    const answer = await send(`${app.url}/store_session`, request)
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([403, { error: BAD_ORIGIN }])
    expect(answer.headers['set-cookie']).toBeUndefined()
    expect(answer.text).not.toContain('example.com')
    expect(await (await ann.fetch('/')).json()).toMatchObject({ division: 7 })
  })

  it.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH'])('is not made up for by %s', async (method) => {
    const { app, ann, headers } = await startSite()
    for (const site of ['cross-site', 'same-origin']) {
      const request = { method, headers: { ...headers, ...json, ...claims(site, '') }, body }
      const answer = await send(`${app.url}/store_session`, request)
      expect([answer.status, answer.headers.allow, answer.headers['set-cookie']]).toEqual([405, 'POST', undefined])
    }
    expect(await (await ann.fetch('/')).json()).toMatchObject({ division: 7 })
  })

  it('is not made by a form, which cannot say that it sends JSON', async () => {
    const { app, ann, headers } = await startSite()
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const answer = await send(`${app.url}/store_session`, {
        method: 'POST',
        headers: { ...headers, 'content-type': type },
        body,
      })
      expect([answer.status, answer.headers['set-cookie']]).toEqual([415, undefined])
    }
    expect(await (await ann.fetch('/')).json()).toMatchObject({ division: 7 })
  })

  it('is told to the log alone, with what to do', async () => {
    const { app, headers } = await startSite()
    await send(`${app.url}/store_session`, {
      method: 'POST',
      headers: { ...headers, ...json, origin: 'http://example.com' },
      body,
    })
    expect(app.warnings.at(-1)).toBe(
      'koa-live-session: 403 bad_origin: the browser says http://example.com, this server thinks it is ' +
        'https://example.com. Behind a proxy set app.proxy = true, or list it in origins.',
    )
  })
})

describe('threat 67: POSTs with a hundred different origins', () => {
  const post = async ({ app, headers }: Awaited<ReturnType<typeof startSite>>, origin: string): Promise<void> => {
    const json = { 'content-type': 'application/json' }
    await send(`${app.url}/store_session`, { method: 'POST', headers: { ...headers, ...json, origin }, body: '{}' })
  }

  it('silence no other warning, nor for longer than an hour one of their kind', async () => {
    const site = await startSite()
    const { warnings, clock } = site.app
    for (let i = 0; i < 100; i += 1) await post(site, `https://attacker-${i}.example`)
    expect(warnings.filter((text) => text.includes('bad_origin'))).toHaveLength(10)
    const { warn } = coreOf(site.app.live)
    warn('something else')
    expect(warnings.at(-1)).toBe('koa-live-session: something else')
    clock.advance(60 * 60 * 1000)
    await post(site, 'http://example.com')
    expect(warnings.at(-1)).toContain('403 bad_origin: the browser says http://example.com')
  })

  it('are told once an hour each', async () => {
    const site = await startSite()
    const count = site.app.warnings.length
    for (let i = 0; i < 3; i += 1) await post(site, 'https://attacker.example')
    expect(site.app.warnings).toHaveLength(count + 1)
    site.app.clock.advance(60 * 60 * 1000)
    for (let i = 0; i < 3; i += 1) await post(site, 'https://attacker.example')
    expect(site.app.warnings).toHaveLength(count + 2)
  })
})
