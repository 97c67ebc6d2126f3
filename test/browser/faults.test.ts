import { expect, it } from '@jest/globals'
import { describeInEachBrowser, type Outage } from '../support/page/outage.js'
import type { SiteTab } from '../support/page/site-tab.js'

/** Returns the values after a restart, when only the browser still has them. */
async function afterRestart({ server }: Outage, tab: SiteTab): Promise<Record<string, unknown>> {
  await tab.close()
  await server.restart()
  return tab.visitor.values()
}

describeInEachBrowser('a change on a failing network', (start) => {
  it('is saved by the next page if made offline', async () => {
    const outage = await start()
    const visitor = await outage.browse()
    const tab = await visitor.open()
    await tab.click('division')
    await tab.reaches('division', 'saved')
    outage.network.offline()
    await tab.is('site.socket.connected', false)
    await tab.click('division')
    await tab.reaches('division', 'offline')
    await tab.close()
    outage.network.online()
    const later = await visitor.open()
    await later.shows('division', 1)
    await later.reaches('division', 'saved')
    expect(await afterRestart(outage, later)).toMatchObject({ division: 1 })
  })

  it('survives the loss of both page and server', async () => {
    const outage = await start()
    const visitor = await outage.browse()
    const tab = await visitor.open()
    await tab.click('theme')
    await tab.reaches('theme', 'saved')
    // The first fault hits the change's POST; the others hit the POSTs of the page while it is left.
    outage.network.break('hold request', 'lose request', 'lose request')
    await tab.click('division')
    await outage.network.met()
    await tab.close()
    await outage.server.kill()
    outage.network.release()
    await outage.server.start()
    const later = await visitor.open()
    await later.shows('division', 0)
    await later.reaches('division', 'saved')
    expect(await afterRestart(outage, later)).toMatchObject({ division: 0, theme: 'dark' })
  })

  it('is POSTed again after a lost response', async () => {
    const outage = await start()
    const tab = await (await outage.browse()).connect()
    outage.network.break('lose answer', 'lose answer')
    await tab.click('division')
    await outage.network.met()
    await outage.network.met()
    expect(await tab.said()).toMatchObject([{ outcome: 'pending' }])
    await tab.reaches('division', 'saved')
    expect(await afterRestart(outage, tab)).toMatchObject({ division: 0 })
  })

  it('survives a late response to an earlier change', async () => {
    const outage = await start()
    const tab = await (await outage.browse()).connect()
    outage.network.break('hold answer')
    await tab.click('division')
    await outage.network.met()
    await tab.click('division')
    await tab.click('division')
    await tab.shows('division', 2)
    outage.network.release()
    await tab.reaches('division', 'saved')
    await tab.shows('division', 2)
    expect(await afterRestart(outage, tab)).toMatchObject({ division: 2 })
  })

  it('applies once if its POST arrives twice', async () => {
    const outage = await start()
    const tab = await (await outage.browse()).connect()
    outage.network.break('twice', 'twice')
    await tab.click('cart')
    await tab.click('cart')
    await tab.reaches('cart', 'saved')
    expect(await afterRestart(outage, tab)).toMatchObject({ cart: ['item 0', 'item 1'] })
  })

  it('is saved without a socket', async () => {
    const outage = await start()
    const tab = await (await outage.browse()).open('/no-socket')
    outage.network.break('lose request', 'lose answer')
    await tab.click('division')
    await tab.shows('division', 0)
    await tab.reaches('division', 'saved')
    expect(await afterRestart(outage, tab)).toMatchObject({ division: 0 })
  })
})
