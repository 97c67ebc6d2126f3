import { expect, it } from '@jest/globals'
import { atScale } from '../support/app/scale.js'
import { describeInEachBrowser } from '../support/page/outage.js'

const TABS = atScale(3, 10)
const CLICK = "document.querySelector('[data-next=division]').click()"

describeInEachBrowser('a tab', (start, name) => {
  // The bundled Chromium has no back/forward cache.
  const keepsPages = name === 'Firefox' || process.env['BROWSER_IS_BUNDLED'] === undefined

  it('closed after 1 ms loses nothing', async () => {
    const { server, browse } = await start()
    const visitor = await browse()
    const opener = await visitor.open('/other')
    await opener.openShortly('/', CLICK, 1)
    const later = await visitor.open()
    await later.shows('division', 0)
    await later.reaches('division', 'saved')
    await later.close()
    await server.restart()
    expect(await visitor.values()).toMatchObject({ division: 0 })
  })

  it('closed after 1 ms leaves the change to another', async () => {
    const { server, browse } = await start()
    const visitor = await browse()
    const other = await visitor.connect()
    await other.openShortly('/', CLICK, 1)
    await other.shows('division', 0)
    await other.reaches('division', 'saved')
    await server.restart()
    expect(await visitor.values()).toMatchObject({ division: 0 })
  })

  it('reloaded right after the click shows the change', async () => {
    const { server, browse } = await start()
    const visitor = await browse()
    const tab = await visitor.connect()
    await tab.click('division')
    await tab.reload()
    await tab.shows('division', 0)
    await tab.reaches('division', 'saved')
    await server.restart()
    expect(await visitor.values()).toMatchObject({ division: 0 })
  })

  it.each([
    ['first', 0, 1],
    ['second', 1, 0],
  ] as const)('opened together with another shares the change of the %s', async (_, setter, hearer) => {
    const { server, browse } = await start()
    const visitor = await browse()
    const first = await visitor.connect()
    // The other request brought no cookie either, and its response came later.
    await first.post('/forget')
    const tabs = [first, await visitor.open()] as const
    await tabs[1].isConnected()
    await first.is('site.record.whose[1]', await tabs[1].page.evaluate('site.record.whose[1]'))
    await tabs[setter].click('division')
    await tabs[setter].reaches('division', 'saved')
    await tabs[hearer].shows('division', 0)
    await tabs[hearer].click('division')
    await tabs[setter].shows('division', 1)
    await tabs[hearer].reaches('division', 'saved')
    await server.restart()
    expect(await visitor.values()).toMatchObject({ division: 1 })
  })

  it('without embedded values gets them over the socket', async () => {
    const { server, browse } = await start()
    const visitor = await browse()
    const tab = await visitor.open('/plain')
    await tab.shows('division', -1)
    await tab.click('division')
    await tab.reaches('division', 'saved')
    await tab.reload()
    await tab.shows('division', 0)
    await server.restart()
    expect(await visitor.values()).toMatchObject({ division: 0 })
  })

  it('among many shows every change, and one POSTs for all', async () => {
    const { server, network, browse } = await start()
    const visitor = await browse()
    const first = await visitor.open()
    const others = await Promise.all(Array.from({ length: TABS - 1 }, () => visitor.open()))
    const tabs = [first, ...others]
    for (const tab of tabs) await tab.isConnected()
    await first.click('division')
    for (const tab of tabs) {
      await tab.shows('division', 0)
      await tab.reaches('division', 'saved')
    }
    // The change, its proof, and the first cookie.
    expect(network.posts.length).toBeLessThanOrEqual(4)
    await server.restart()
    for (const [index, tab] of tabs.entries()) await tab.set('cart', [`tab ${index}`])
    // A tab whose response was lost with the server may be superseded by another tab.
    for (const tab of tabs) await tab.is('site.isAtRest()', true)
    const { cart } = await visitor.values()
    for (const tab of tabs) await tab.shows('cart', cart)
    await server.restart()
    expect(await visitor.values()).toMatchObject({ division: 0, cart })
  })

  it('restored from the back/forward cache shows newer values and saves', async () => {
    const { server, browse } = await start()
    const visitor = await browse()
    const tab = await visitor.open('/other')
    // Firefox keeps no page with a WebSocket.
    const path = name === 'Firefox' ? '/no-socket' : '/'
    // Twice: the first response sets a cookie, so it is no-store, and Firefox keeps no such page.
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

  it('restored from the cache shows the change of another tab', async () => {
    const { server, browse } = await start()
    const visitor = await browse()
    const [tab, other] = [await visitor.open(), await visitor.open()]
    // The first response set a cookie, so it is no-store.
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

  it('left right after the click saves the change once restored', async () => {
    const { server, network, browse } = await start()
    const visitor = await browse()
    const tab = await visitor.connect()
    network.break('lose request')
    await tab.click('division')
    await tab.goto('/other')
    await tab.travel('back', '/')
    await tab.shows('division', 0)
    await tab.reaches('division', 'saved')
    await server.restart()
    expect(await visitor.values()).toMatchObject({ division: 0 })
  })
})
