import { expect, it } from '@jest/globals'
import { atScale } from '../support/app/scale.js'
import { describeInEachBrowser } from '../support/page/outage.js'

const TABS = atScale(3, 10)
const CLICK = "document.querySelector('[data-next=division]').click()"

describeInEachBrowser('a tab', (start) => {
  it('loses nothing when closed after 1 ms', async () => {
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

  it('hands its change to another tab when closed after 1 ms', async () => {
    const { server, browse } = await start()
    const visitor = await browse()
    const other = await visitor.connect()
    await other.openShortly('/', CLICK, 1)
    await other.shows('division', 0)
    await other.reaches('division', 'saved')
    await server.restart()
    expect(await visitor.values()).toMatchObject({ division: 0 })
  })

  it('shows the change when reloaded right after the click', async () => {
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

  it('shares its change with many tabs; a single tab POSTs for all', async () => {
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
    // POSTs of the change, of its proof, and for the first cookie.
    expect(network.posts.length).toBeLessThanOrEqual(4)
    await server.restart()
    for (const [index, tab] of tabs.entries()) await tab.set('cart', [`tab ${index}`])
    // If a response was lost with the server, another tab's change may supersede the tab's change.
    for (const tab of tabs) await tab.is('site.isAtRest()', true)
    const { cart } = await visitor.values()
    for (const tab of tabs) await tab.shows('cart', cart)
    await server.restart()
    expect(await visitor.values()).toMatchObject({ division: 0, cart })
  })

  it('saves the change when restored, if left right after the click', async () => {
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
