import { expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { htmlOf, is } from '../support/page/on-page.js'
import { pageScript } from '../support/page/page-script.js'

const fields = defineFields({ n: { schema: z.number(), default: 0, client: 'write' } })

const SCRIPT = pageScript(`
  import { createLiveSession } from 'koa-live-session/client'
  import { io } from 'socket.io-client'
  const socket = io({ transports: ['websocket'], reconnectionDelay: 5, reconnectionDelayMax: 20 })
  const live = createLiveSession({ socket })
  window.failures = 0
  socket.on('connect_error', () => { failures += 1 })
  Object.assign(window, { live, socket })`)

const routes: Koa.Middleware = (ctx) => {
  ctx.type = ctx.path === '/page.js' ? 'js' : 'html'
  if (ctx.path === '/page.js') ctx.body = SCRIPT
  else
    ctx.body = `<!doctype html><i>${ctx.liveSession.get('n')}</i>${ctx.liveSession.embed()}<script type="module" src="/page.js"></script>`
}

describeInBrowser('a page whose WebSocket is blocked', () => {
  it('saves by POST, and goes on trying to connect', async () => {
    // The server refuses each upgrade, as a proxy without WebSocket does.
    const app = await App.start<typeof fields>({ fields, routes, io: { transports: ['polling'] } })
    const person = await openBrowser()
    const page = await person.open(app.url)
    await page.evaluate("live.set('n', 7)")
    await is(page, "live.status('n').status", 'saved')
    await is(page, 'failures > 2 && [socket.connected, socket.active]', [false, true])
    await page.reload()
    expect(await htmlOf(page)).toContain('<i>7</i>')
    expect(app.errors).toEqual([])
  })
})
