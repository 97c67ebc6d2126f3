import { expect, it } from '@jest/globals'
import { createLiveSession, keepTab } from 'koa-live-session/client'
import type { BareSnapshot } from '../support/page/bare-page.js'

const ITEM = 'live-session:/store_session'
const ANN: BareSnapshot = { who: 'ann', persisted: [], values: {}, defaults: { step: 1 }, stamps: {}, tab: ['step'] }

it('a page answers another document’s write to sessionStorage with none', () => {
  Object.assign(globalThis, { fetch: () => new Promise(() => undefined) })
  const live = createLiveSession<never>({ initial: ANN as never })
  keepTab(live as never)
  void live.set('step' as never, 3 as never)
  expect(sessionStorage.getItem(ITEM)).toMatch(/"step"/)
  sessionStorage.setItem(ITEM, 'of another document')
  globalThis.dispatchEvent(new StorageEvent('storage', { key: ITEM, storageArea: sessionStorage }))
  expect(sessionStorage.getItem(ITEM)).toBe('of another document')
  live.close()
})
