import { expect, it } from '@jest/globals'
import { describeInEachBrowser } from '../support/page/outage.js'

describeInEachBrowser('a first tab', (start) => {
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
})
