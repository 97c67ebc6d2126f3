/**
 * The cookie of a tab’s values, of a page over HTTPS.
 *
 * @jest-environment-options {"url": "https://app.example/"}
 */
import { afterEach, expect, it, jest } from '@jest/globals'
import { createLiveSession, keepTab } from 'koa-live-session/client'

afterEach(() => {
  jest.restoreAllMocks()
})

it('the cookie of a tab has the name from the page’s HTML', () => {
  const cookie = jest.spyOn(Document.prototype, 'cookie', 'set')
  const initial = { who: 'g', values: {}, defaults: {}, stamps: {}, tab: ['step'], tabCookie: 'tools-tab' }
  const live = createLiveSession<never>({ initial: initial as never })
  keepTab(live as never)
  expect(cookie.mock.calls).toEqual([['tools-tab=;path=/;max-age=0;samesite=lax;secure']])
  live.close()
})

it('the cookie of a tab is Secure on a page over HTTPS', () => {
  const cookie = jest.spyOn(Document.prototype, 'cookie', 'set')
  const live = createLiveSession<never>()
  keepTab(live as never)
  expect(cookie.mock.calls).toEqual([['live-tab=;path=/;max-age=0;samesite=lax;secure']])
  live.close()
})
