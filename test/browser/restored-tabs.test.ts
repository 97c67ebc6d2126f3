import { expect, it } from '@jest/globals'
import { describeInEachBrowser } from '../support/page/outage.js'

describeInEachBrowser('a tab restored from the back/forward cache', (start, name) => {
  // The bundled Chromium has no back/forward cache.
  const keepsPages = name === 'Firefox' || process.env['BROWSER_IS_BUNDLED'] === undefined

  it('shows newer values, and saves a further change', async () => {
    const { server, browse } = await start()
    const visitor = await browse()
    const tab = await visitor.open('/other')
    // Firefox keeps no page with a WebSocket.
    const path = name === 'Firefox' ? '/no-socket' : '/'
    // Loads the page twice, because the first response sets a cookie and so is no-store, and Firefox keeps no such page.
    for (const _ of [1, 2]) await tab.goto(path)
    await tab.is('document.documentElement.dataset.ready', '')
    await tab.goto('/other')
    await tab.post('/set', JSON.stringify({ division: 5 }))
    await tab.travel('back', path)
    await tab.is('site.returns', keepsPages ? [false, true] : [false])
    if (path === '/') await tab.shows('division', 5)
    await tab.set('theme', 'dark')
    await tab.reaches('theme', 'saved')
    await server.restart()
    expect(await visitor.values()).toMatchObject({ division: 5, theme: 'dark' })
  })

  it('shows the change of another tab', async () => {
    const { server, browse } = await start()
    const visitor = await browse()
    const [tab, other] = [await visitor.open(), await visitor.open()]
    // Reloads, because the first response set a cookie, and so was no-store.
    await tab.reload()
    for (const one of [tab, other]) await one.isConnected()
    await tab.click('division')
    await tab.reaches('division', 'saved')
    await tab.goto('/other')
    await other.set('division', 5)
    await other.reaches('division', 'saved')
    await tab.travel('back', '/')
    await tab.is('site.returns', keepsPages && name !== 'Firefox' ? [false, true] : [false])
    await tab.shows('division', 5)
    await tab.click('division')
    await other.shows('division', 6)
    for (const one of [tab, other]) await one.reaches('division', 'saved')
    await server.restart()
    expect(await visitor.values()).toMatchObject({ division: 6 })
  })
})
