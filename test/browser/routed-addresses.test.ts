import { it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { describeWithClient } from '../support/page/describe-with-client.js'
import type { SiteTab } from '../support/page/site-tab.js'

const fields = defineFields({ division: { schema: z.number(), default: -1, client: 'write', url: 'd' } })

/** Its router takes over what links and buttons lead to; each navigation is over once the test says `arrive()`. */
const PAGE = `<!doctype html><link rel="icon" href="data:,"><a id="costs" href="/costs">costs</a>
<a id="projects" href="/projects">projects</a><script type="module">
  import { createLiveSession, followAddress } from '/client.js'
  window.heard = []
  navigation.addEventListener('navigate', (event) => {
    if (event.navigationType === 'replace') return
    const { pathname } = new URL(event.destination.url)
    event.signal.addEventListener('abort', () => heard.push('ended ' + pathname))
    event.intercept({
      handler: async () => {
        await new Promise((resolve) => { window.arrive = resolve })
        if (!event.signal.aborted) heard.push('came to ' + pathname)
      },
    })
  })
  window.live = createLiveSession()
  followAddress(live)
</script>`

describeWithClient('an address that the app’s own router comes to', (tests) => {
  async function open(): Promise<SiteTab> {
    const routes: Koa.Middleware = (ctx) => {
      ctx.type = ctx.path === '/client.js' ? 'js' : 'html'
      ctx.body = ctx.path === '/client.js' ? tests.script : `${PAGE}${ctx.liveSession.embed()}`
    }
    const app = await App.start({ fields, routes, isAttached: false })
    const tab = await tests.open(app.url, '/?d=3')
    await tab.is(`live.get('division')`, 3)
    return tab
  }
  const says = (tab: SiteTab, address: string, ...heard: readonly string[]): Promise<void> =>
    tab.is('[location.pathname + location.search, heard]', [address, heard])

  it('says what is chosen meanwhile once the router is there', async () => {
    const tab = await open()
    await tab.page.click('#costs')
    await tab.page.evaluate(`void live.set('division', 4)`)
    await says(tab, '/costs')
    await tab.page.evaluate('arrive()')
    await says(tab, '/costs?d=4', 'came to /costs')
  })

  it('says it at the second link where the visitor does not wait for the first', async () => {
    const tab = await open()
    await tab.page.click('#costs')
    await tab.page.click('#projects')
    await says(tab, '/projects', 'ended /costs')
    await tab.page.evaluate('arrive()')
    await says(tab, '/projects?d=3', 'ended /costs', 'came to /projects')
  })

  it('says it after the way back, too', async () => {
    const tab = await open()
    await tab.page.click('#costs')
    await tab.page.evaluate('arrive()')
    await says(tab, '/costs?d=3', 'came to /costs')
    await tab.page.evaluate('void setTimeout(() => history.back())')
    await says(tab, '/?d=3', 'came to /costs')
    await tab.page.evaluate(`void live.set('division', 4)`)
    await says(tab, '/?d=3', 'came to /costs')
    await tab.page.evaluate('arrive()')
    await says(tab, '/?d=4', 'came to /costs', 'came to /')
  })
})
