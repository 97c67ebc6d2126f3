import { it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { Gate } from '../support/app/gate.js'
import { describeWithClient } from '../support/page/describe-with-client.js'
import type { SiteTab } from '../support/page/site-tab.js'

const fields = defineFields({ division: { schema: z.number(), default: -1, client: 'write', url: 'd' } })

const PAGE = `<link rel="icon" href="data:,"><output></output><a id="one" href="/?d=1">one</a>
<form><button id="two" name="d" value="2">two</button></form><script type="module">
  import { io } from '/socket.io/socket.io.esm.min.js'
  import { createLiveSession, followAddress } from '/client.js'
  const socket = io({ transports: ['websocket'] })
  window.live = createLiveSession({ socket })
  followAddress(live)
  live.subscribe('division', (division) => {
    document.querySelector('output').value = division
    socket.emit('shows', division)
  })
  socket.once('connect', () => { document.body.dataset.ready = '' })
</script>`
/** What the page that a visitor was given shows, where its address stands in the history, and all addresses there. */
const STATE = `document.body.dataset.ready === '' && [document.title, document.querySelector('output').value, location.search,
  navigation.entries().map(({ url }) => new URL(url).search)]`

describeWithClient('a page that is left', (tests) => {
  /** An app whose answer to a visit waits until the page that is being left shows what the visit has set. */
  async function open(): Promise<SiteTab> {
    const gates = new Map<unknown, Gate>()
    const routes: Koa.Middleware = async (ctx) => {
      if (ctx.path === '/client.js') {
        ctx.type = 'js'
        ctx.body = tests.script
        return
      }
      // Pages that a browser has kept make no visit when the visitor goes back.
      ctx.set('cache-control', 'no-store')
      const gate = new Gate()
      gates.set(ctx.liveSession.get('division'), gate)
      if (app.io.sockets.sockets.size > 0) await gate.pass()
      ctx.body = `<!doctype html><title>${ctx.search}</title>${PAGE}${ctx.liveSession.embed()}`
    }
    const app = await App.start({ fields, routes })
    app.io.on('connection', (socket) => socket.on('shows', (division) => gates.get(division)?.open()))
    return tests.open(app.url, '/?d=0')
  }

  it('leaves its address in the history as it was, whatever it hears of the next one', async () => {
    const tab = await open()
    const says = (division: number, ...addresses: readonly string[]): Promise<void> => {
      const search = `?d=${division}`
      return tab.is(STATE, [search, String(division), search, addresses])
    }
    await says(0, '?d=0')
    await tab.page.click('#one')
    await says(1, '?d=0', '?d=1')
    await tab.page.click('#two')
    await says(2, '?d=0', '?d=1', '?d=2')
    for (const [direction, division] of [
      ['back', 1],
      ['back', 0],
      ['forward', 1],
    ] as const) {
      await tab.page.evaluate(`void setTimeout(() => history.${direction}())`)
      await says(division, '?d=0', '?d=1', '?d=2')
    }
  })
})
