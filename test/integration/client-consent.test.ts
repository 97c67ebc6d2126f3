import { describe, expect, it } from '@jest/globals'
import { startWithConsent } from '../support/consent.js'
import { Gate } from '../support/gate.js'

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

  it.each([
    ['with a socket', true],
    ['without one', false],
  ])(
    'while the answer to a question of before is under way, the page asks again, and saves: %s',
    async (_, hasSocket) => {
      const app = await startWithConsent()
      const visitor = app.visitor()
      const page = await visitor.open({ path: '/', hasSocket })
      const gate = new Gate()
      page.beforeAnswer = () => gate.pass()
      const set = page.live.set('division', 3).catch(() => undefined)
      await gate.entered
      page.beforeAnswer = async () => undefined
      await visitor.fetch('/agree')
      const flushed = page.live.flush()
      gate.open()
      await Promise.all([set, flushed])
      expect(page.live.status('division')).toEqual({ status: 'saved' })
    },
  )
})
