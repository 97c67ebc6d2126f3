import { expect, it } from '@jest/globals'
import { describeInEachBrowser } from '../support/page/outage.js'

describeInEachBrowser('a first visit', (start) => {
  it.each([
    ['first', 0, 1],
    ['second', 1, 0],
  ] as const)('lets two tabs opened together share a change of the %s tab', async (_, setter, hearer) => {
    const { server, browse } = await start()
    const visitor = await browse()
    const first = await visitor.connect()
    // Simulates parallel first requests: the second tab's request brings no cookie, and its response comes later.
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

  it('gets values over the socket if none are embedded', async () => {
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
