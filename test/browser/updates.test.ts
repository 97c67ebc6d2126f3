import { expect, it } from '@jest/globals'
import { describeInEachBrowser } from '../support/page/outage.js'

describeInEachBrowser('a cart', (start) => {
  it('keeps the items that two tabs add at once', async () => {
    const { server, browse } = await start()
    const visitor = await browse()
    const tabs = [await visitor.connect(), await visitor.connect()]
    await Promise.all(tabs.map((tab, index) => tab.add(`a${index}`, `b${index}`, `c${index}`)))
    for (const tab of tabs) await tab.hasAdded('a0', 'a1', 'b0', 'b1', 'c0', 'c1')
    await server.restart()
    const { cart } = (await visitor.values()) as { readonly cart: readonly string[] }
    expect([...cart].sort()).toEqual(['a0', 'a1', 'b0', 'b1', 'c0', 'c1'])
  })

  it('keeps concurrent items of a tab without a socket', async () => {
    const { browse } = await start()
    const visitor = await browse()
    const [away, other] = [await visitor.open('/no-socket'), await visitor.open()]
    await other.isConnected()
    await away.add('early')
    await Promise.all([away.add('away'), other.add('other')])
    for (const tab of [away, other]) await tab.hasAdded('away', 'early', 'other')
  })

  it('contains the item of a departed page exactly once', async () => {
    const { browse } = await start()
    const visitor = await browse()
    const [tab, other] = [await visitor.connect(), await visitor.connect()]
    await tab.page.evaluate(
      "void (site.socket.disconnect(), site.add('left'), setTimeout(() => location.assign('/other')))",
    )
    await tab.is('location.pathname === "/other" && document.readyState', 'complete')
    // The page's last POST may arrive late, and a faster change of the other tab would supersede the item.
    await other.shows('cart', ['left'])
    await other.add('other')
    await other.hasAdded('left', 'other')
  })

  it('contains all items that a page adds just before leaving', async () => {
    const { browse } = await start()
    const visitor = await browse()
    const all: string[] = []
    for (const [path, ...items] of [
      ['/', 'a', 'b'],
      ['/?again', 'c', 'd', 'e'],
    ] as const) {
      all.push(...items)
      const tab = await visitor.open(path)
      const adding = items.map((item) => `site.add('${item}')`).join(', ')
      await tab.page.evaluate(`void (${adding}, location.assign('/other'))`)
      await tab.is('location.pathname === "/other" && document.readyState', 'complete')
      await tab.close()
      const next = await visitor.open()
      await next.hasAdded(...all)
      await next.close()
    }
  })
})
