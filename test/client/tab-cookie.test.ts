/**
 * The cookie `live-tab` of a page over HTTPS.
 *
 * @jest-environment-options {"url": "https://app.example/"}
 */
import { expect, it, jest } from '@jest/globals'
import { createLiveSession, keepTab } from 'koa-live-session/client'

it('the cookie of a tab is Secure on a page over HTTPS', () => {
  const cookie = jest.spyOn(Document.prototype, 'cookie', 'set')
  const live = createLiveSession<never>()
  keepTab(live as never)
  expect(cookie.mock.calls).toEqual([['live-tab=;path=/;max-age=0;samesite=lax;secure']])
  live.close()
})
