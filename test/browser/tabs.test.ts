import { expect, it } from '@jest/globals'
import { present } from '../support/app/present.js'
import { atScale } from '../support/app/scale.js'
import { describeInEachBrowser } from '../support/page/outage.js'

const TABS = atScale(5, 10)
const CLICK = "document.querySelector('[data-next=division]').click()"

describeInEachBrowser('a tab', (start, name) => {
  // The Chromium that comes with the development dependencies never does; an installed one does.
  const keepsPages = name === 'Firefox' || process.env['BROWSER_IS_BUNDLED'] === undefined

  it('closed 1 ms after the click has lost nothing', async () => {
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

  it('closed 1 ms after the click leaves the change to one that was open before', async () => {
    const { server, browse } = await start()
    const visitor = await browse()
    const other = await visitor.connect()
    await other.openShortly('/', CLICK, 1)
    await other.shows('division', 0)
    await other.reaches('division', 'saved')
    await server.restart()
    expect(await visitor.values()).toMatchObject({ division: 0 })
  })

  it('loaded again right after the click shows the change', async () => {
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

  it('that connected before the browser had a cookie is the same visitor as the others once it has', async () => {
    const { browse } = await start()
    const visitor = await browse()
    const early = await visitor.open('/plain')
    await early.shows('theme', 'light')
    const tab = await visitor.open()
    await tab.click('theme')
    await tab.reaches('theme', 'saved')
    await early.shows('theme', 'dark')
    await early.click('division')
    await tab.shows('division', 0)
  })

  it.each([
    ['first', 0, 1],
    ['second', 1, 0],
  ] as const)(
    'of two that were opened at once is the same visitor as the other once the %s has set something',
    async (_, setter, hearer) => {
      const { server, browse } = await start()
      const visitor = await browse()
      const first = await visitor.connect()
      // The answer to the other came later, whose request had brought no cookie either.
      await first.post('/forget')
      const tabs = [first, await visitor.open()] as const
      await tabs[1].isConnected()
      // What the first sets before it has heard of the other is dropped.
      await first.is('site.record.whose[1]', await tabs[1].page.evaluate('site.record.whose[1]'))
      await tabs[setter].click('division')
      await tabs[setter].reaches('division', 'saved')
      await tabs[hearer].shows('division', 0)
      await tabs[hearer].click('division')
      await tabs[setter].shows('division', 1)
      await tabs[hearer].reaches('division', 'saved')
      await server.restart()
      expect(await visitor.values()).toMatchObject({ division: 1 })
    },
  )

  it('of many that were opened at once is the same visitor as the others once one has set something', async () => {
    const { browse } = await start()
    const visitor = await browse()
    const tabs = await Promise.all(Array.from({ length: TABS }, () => visitor.connect()))
    // What the first sets before it has heard of the others is dropped. A later one comes with the cookie that the browser has kept.
    const later = await visitor.open()
    await present(tabs[0]).is('site.record.whose[1]', await later.page.evaluate('site.record.whose[1]'))
    await present(tabs[0]).click('division')
    for (const tab of tabs) {
      await tab.shows('division', 0)
      await tab.reaches('division', 'saved')
    }
    await present(tabs.at(-1)).click('division')
    for (const tab of tabs) await tab.shows('division', 1)
  })

  it('without values of its own in the page gets them over the socket, and saves', async () => {
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

  it('among many shows what any of them changes, and one POSTs for all', async () => {
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
    // One that brings the change, and one that finds it in the cookie; a browser without a cookie needs another.
    expect(network.posts.length).toBeLessThanOrEqual(4)
    await server.restart()
    for (const [index, tab] of tabs.entries()) await tab.set('cart', [`tab ${index}`])
    // Whose answer was lost with the server finds another's change there, and is told so.
    for (const tab of tabs) await tab.is('site.isAtRest()', true)
    const { cart } = await visitor.values()
    for (const tab of tabs) await tab.shows('cart', cart)
    await server.restart()
    expect(await visitor.values()).toMatchObject({ division: 0, cart })
  })

  it('that comes back from the back/forward cache shows what has changed since, and saves', async () => {
    const { server, browse } = await start()
    const visitor = await browse()
    const tab = await visitor.open('/other')
    // Firefox does not keep a page that has a WebSocket.
    const path = name === 'Firefox' ? '/no-socket' : '/'
    // Twice: the first time it comes with a new cookie, and must not be stored, which Firefox takes to mean: nor kept.
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

  it('that comes back from the back/forward cache shows what another tab has changed, and saves', async () => {
    const { server, browse } = await start()
    const visitor = await browse()
    const [tab, other] = [await visitor.open(), await visitor.open()]
    // The first page of all came with a new cookie, and must not be stored.
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

  it('that is left right after the click has saved it when it comes back', async () => {
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
