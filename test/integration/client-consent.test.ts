import { describe, expect, it } from '@jest/globals'
import { startWithConsent } from '../support/consent.js'

const MINUTE = 60 * 1000

describe('when consent comes', () => {
  it('what was chosen is kept, however long ago it was', async () => {
    const app = await startWithConsent()
    const visitor = app.visitor()
    const page = await visitor.open({ path: '/' })
    await expect(page.live.set('division', 3)).rejects.toMatchObject({ code: 'cookies_blocked' })
    app.clock.advance(11 * MINUTE)
    await visitor.fetch('/agree')
    await page.live.flush()
    expect(page.live.status('division')).toEqual({ status: 'saved' })
    await app.stop()
    const after = await startWithConsent({ clock: app.clock })
    expect((await (await after.visitor(visitor.cookie).fetch('/')).json()).values.division).toBe(3)
  })
})
