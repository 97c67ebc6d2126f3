import type { Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from '@jest/globals'
import ejs from 'ejs'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { Server } from 'socket.io'
import { z } from 'zod'
import { once } from '../support/app/awaited.js'
import { Gate } from '../support/app/gate.js'
import { bundledSnippet } from '../support/docs/bundled-snippet.js'
import { snippet } from '../support/docs/readme.js'
import { runSnippet } from '../support/docs/run-snippet.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { is, shows } from '../support/page/on-page.js'

const PAGE = 'docs/rendering.md'
const fields = defineFields({ division: { schema: z.number().int(), default: -1, client: 'write' } })

let http: HttpServer
let url: string
/** Holds the page’s script back. */
let gate: Gate

beforeEach(async () => {
  gate = new Gate()
  process.env['SECRET'] = 'a secret of at least thirty-two bytes'
  const text = await bundledSnippet('view-page.ts', PAGE)
  const given = {
    readFileSync: (file: string) => snippet(file, PAGE),
    ejs,
    fields,
    liveSession,
    Server,
    Koa: class extends Koa {
      constructor(options: object) {
        super(options)
        this.use(async (ctx, next) => {
          if (ctx.path !== '/browser.js') return next()
          await gate.pass()
          ctx.type = 'js'
          ctx.body = text
        })
      }
      override listen(): HttpServer {
        return super.listen(0, '127.0.0.1')
      }
    },
  }
  http = runSnippet('views.ts', PAGE, given)['http'] as HttpServer
  if (!http.listening) await once(http, 'listening')
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
})
afterEach(() => {
  http.closeAllConnections()
  http.close()
})

describeInBrowser('views of a template engine', () => {
  it('share the filter of their layout, rendered again over the socket', async () => {
    gate.open()
    const person = await openBrowser()
    const [costs, count] = [await person.open(`${url}/`), await person.open(`${url}/count`)]
    await shows(count, 'h1', '3 costs')
    await costs.select('select', '0')
    await shows(count, 'h1', '2 costs')
    await is(costs, "[...document.querySelectorAll('p')].map((cost) => cost.textContent)", ['Lights', 'Towers'])
    await is(count, "document.querySelector('select').value", '0')
    const html = await (await fetch(url)).text()
    expect(html).toContain('<p>Line array</p>')
  })

  it('keep a choice that comes before the script', async () => {
    const page = await (await openBrowser()).newPage()
    const opened = page.goto(url)
    await (await page.waitForSelector('select'))?.select('1')
    gate.open()
    await opened
    await is(page, "document.querySelector('main').innerText.split(/\\n+/)", ['Costs', 'Line array'])
    await page.reload()
    await is(page, "document.querySelector('select').value", '1')
  })

  it('keep the nodes of a view that has not changed', async () => {
    const page = await (await openBrowser()).newPage()
    const opened = page.goto(`${url}/count`)
    await page.waitForSelector('main h1')
    await page.evaluate(`
      replaced = 0
      new MutationObserver((records) => { replaced += records.length }).observe(document.querySelector('main'), { childList: true })`)
    gate.open()
    await opened
    await page.select('select', '1')
    await shows(page, 'h1', '1 costs')
    await is(page, 'replaced', 1)
  })
})
