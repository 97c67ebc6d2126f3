import { expect, it } from '@jest/globals'
import { HOUR } from '../support/app/times.js'
import { describeInEachBrowser } from '../support/page/outage.js'

const FULL = `
  for (let length = 2 ** 20; length >= 1; length = Math.floor(length / 2)) {
    try { for (let n = 0; ; n += 1) localStorage.setItem('fill' + length + '-' + n, 'x'.repeat(length)) } catch {}
  }`
const DISABLED = `
  for (const name of ['localStorage', 'sessionStorage', 'indexedDB']) {
    Object.defineProperty(window, name, { get() { throw new DOMException('denied', 'SecurityError') } })
  }`

/** Shifts the page's clock by this many ms. */
const clockOff = (ms: number): string => `
  globalThis.Date = class extends Date {
    constructor(...given) { super(...(given.length === 0 ? [Date.now()] : given)) }
    static now() { return super.now() + ${ms} }
  }`

describeInEachBrowser('a visitor', (start, name) => {
  it.each([
    ['full', FULL],
    ['disabled', DISABLED],
  ])('saves and sees changes in every tab with %s storage', async (_, script) => {
    const { server, network, browse } = await start()
    const visitor = await browse({ script })
    const [one, two] = [await visitor.connect(), await visitor.connect()]
    network.break('lose request')
    await one.click('division')
    await two.shows('division', 0)
    await two.click('theme')
    await one.shows('theme', 'dark')
    for (const tab of [one, two]) for (const key of ['division', 'theme'] as const) await tab.reaches(key, 'saved')
    await server.restart()
    expect(await visitor.values()).toMatchObject({ division: 0, theme: 'dark' })
  })

  it.each([
    ['ahead', HOUR],
    ['behind', -HOUR],
  ])('gains no precedence with a clock an hour %s', async (_, ms) => {
    const { server, browse } = await start()
    const [off, right] = [await browse({ script: clockOff(ms) }), await browse()]
    const tabs = [await off.open(), await right.open()] as const
    for (const tab of tabs) await tab.signIn('ann')
    const [wrong, other] = tabs
    for (const [tab, division] of [
      [wrong, 1],
      [other, 2],
      [wrong, 3],
      [other, 4],
    ] as const) {
      await tab.set('division', division)
      for (const one of tabs) await one.shows('division', division)
    }
    for (const tab of tabs) await tab.reaches('division', 'saved')
    await server.restart()
    for (const visitor of [off, right]) expect(await visitor.values()).toMatchObject({ division: 4 })
  })

  it('sees the change and the status cookies_blocked without cookies', async () => {
    const { network, browse } = await start()
    const visitor = await browse({ hasCookies: false })
    // The bundled Chromium has no setting that blocks cookies.
    if (name === 'Chromium' && process.env['BROWSER_IS_BUNDLED'] !== undefined) network.dropCookies()
    const tab = await visitor.open()
    await tab.is('site.socket.connected', true)
    await tab.click('division')
    await tab.reaches('division', 'rejected', 'cookies_blocked')
    await tab.shows('division', 0)
    expect(await tab.said()).toMatchObject([{ outcome: 'cookies_blocked' }])
    await tab.click('division')
    await tab.shows('division', 1)
    await tab.reaches('division', 'rejected', 'cookies_blocked')
  })

  it('sees no value of the previous user of the browser', async () => {
    const { server, browse } = await start()
    const visitor = await browse()
    const tab = await visitor.open()
    for (const [user, division] of [
      ['ann', 1001],
      ['bob', 2002],
    ] as const) {
      await tab.signIn(user)
      await tab.shows('division', -1)
      await tab.set('division', division)
      await tab.reaches('division', 'saved')
      await tab.signOut()
      await tab.shows('division', -1)
    }
    await tab.signIn('ann')
    await tab.shows('division', 1001)
    await server.restart()
    expect(await visitor.values()).toMatchObject({ division: 1001 })
  })

  it('gets no unsaved change of the previous user', async () => {
    const { server, network, browse } = await start()
    const visitor = await browse()
    const tab = await visitor.open()
    await tab.signIn('ann')
    await tab.isConnected()
    network.offline()
    await tab.is('site.socket.connected', false)
    await tab.set('division', 1001)
    await tab.reaches('division', 'offline')
    await tab.close()
    network.online()
    const later = await visitor.open('/other')
    await later.post('/sign-out')
    await later.post('/sign-in', 'user=bob')
    await later.goto('/')
    await later.isConnected()
    await later.shows('division', -1)
    await later.is('Object.entries(localStorage).filter((item) => /1001/.test(String(item)))', [])
    await later.set('division', 2002)
    await later.reaches('division', 'saved')
    await server.restart()
    expect(await visitor.values()).toMatchObject({ division: 2002 })
    expect(await later.shown()).not.toContain('1001')
  })
})
