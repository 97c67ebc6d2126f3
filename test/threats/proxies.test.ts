import { describe, expect, it } from '@jest/globals'
import { App } from '../support/app.js'

const body = { set: [['division', -1, '', 1]] }
const advice = 'but this server thinks that the request came over http. Behind a proxy set app.proxy = true.'

describe('threat 24: a proxy that the app does not trust', () => {
  it('is told of once where it ends TLS and says so', async () => {
    const app = await App.start()
    for (let i = 0; i < 2; i += 1) await app.visitor().store(body, { 'x-forwarded-proto': 'https' })
    expect(app.warnings.filter((line) => line.includes('proxy'))).toEqual([
      `koa-live-session: X-Forwarded-Proto says https, ${advice}`,
    ])
  })

  it('is told of once where the cookie is to be secure, which goes out as it was asked for', async () => {
    const app = await App.start({ options: { secure: true } })
    const answer = await app.visitor().store(body)
    expect(answer.headers.getSetCookie()[0]).toMatch(
      /^__Host-live=[^;]+; path=\/; expires=[^;]+; samesite=lax; secure; httponly$/,
    )
    expect(app.warnings).toContain(`koa-live-session: secure is true, ${advice}`)
  })

  it('is nothing to tell of where the app trusts it: its cookie is secure, and its origin is https', async () => {
    const app = await App.start()
    app.koa.proxy = true
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'example.com', origin: 'https://example.com' }
    const answer = await app.visitor().store(body, headers)
    expect(answer.status).toBe(200)
    expect(answer.headers.getSetCookie()[0]).toMatch(/; secure; httponly$/)
    expect(app.warnings.filter((line) => line.includes('proxy'))).toEqual([])
  })
})
