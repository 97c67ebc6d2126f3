import { expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import type { Frame, Page } from 'puppeteer-core'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { describeWith } from '../support/app/describe-with.js'
import { present } from '../support/app/present.js'
import { BROWSERS, openBrowser } from '../support/page/browser.js'
import { is } from '../support/page/on-page.js'
import { pageScript } from '../support/page/page-script.js'

const fields = defineFields({
  draft: { schema: z.string(), default: '', client: 'write', scope: 'tab' },
  division: { schema: z.number().int(), default: -1, client: 'write' },
})

/** Counts the other documents' writes to sessionStorage. `pass()` sends a ball ten times through all documents, behind their writes. */
const SCRIPT = pageScript(`
  import { createLiveSession, keepTab } from 'koa-live-session/client'
  import { io } from 'socket.io-client'
  const live = createLiveSession({ socket: io({ transports: ['websocket'] }) })
  keepTab(live)
  let end
  const pass = () => new Promise((resolve) => { end = resolve; sessionStorage.ball = 1 })
  const place = Array.prototype.indexOf.call(top, window) + 1
  Object.assign(window, { live, pass, told: 0, first: live.get('draft') })
  addEventListener('storage', ({ storageArea, key, newValue }) => {
    if (storageArea !== sessionStorage) return
    const ball = Number(newValue)
    if (key !== 'ball') told += 1
    else if (ball === 10 * (top.length + 1)) end?.()
    else if (ball % (top.length + 1) === place) sessionStorage.ball = ball + 1
  })`)

function start(): Promise<App<typeof fields>> {
  return App.start({
    fields,
    routes: (ctx) => {
      if (ctx.path === '/browser.js') {
        ctx.type = 'js'
        ctx.body = SCRIPT
        return
      }
      const frames = '<iframe src="/in-frame"></iframe>'.repeat(Number(ctx.query['frames'] ?? 0))
      ctx.body = `<!doctype html><link rel="icon" href="data:,"><output>${ctx.liveSession.snapshot().values['draft']}</output>
        ${frames}${ctx.liveSession.embed()}<script type="module" src="/browser.js"></script>`
    },
  })
}

/** Returns the page and its frames, when their sockets have named the visitor. */
async function documentsOf(page: Page): Promise<readonly Frame[]> {
  const all = page.frames()
  for (const one of all) await is(one, "live.status('draft').status === 'unknown'", false)
  return all
}

const inEach = (all: readonly Frame[], expression: string): Promise<readonly unknown[]> =>
  Promise.all(all.map((one) => one.evaluate(expression)))

/** Sets a draft in each document. Returns the drafts. */
async function setDrafts(all: readonly Frame[]): Promise<readonly string[]> {
  const drafts = all.map((_, i) => `of ${i}`)
  for (const [i, one] of all.entries()) await one.evaluate(`live.set('draft', '${drafts[i]}')`)
  return drafts
}

for (const name of BROWSERS)
  describeWith(name, `the tab’s values of a page and its frames (${name})`, () => {
    it.each([1, 2])('are written only when they change: frames: %i', async (count) => {
      const { url } = await start()
      const page = await (await openBrowser({ name })).open(`${url}/?frames=${count}`)
      const all = await documentsOf(page)
      const drafts = await setDrafts(all)
      await page.evaluate('pass()')
      const told = await inEach(all, 'told')
      await page.evaluate("live.set('division', 4)")
      await page.evaluate('pass()')
      expect([all.length, await inEach(all, 'told')]).toEqual([count + 1, told])
      expect(await inEach(all, "live.get('draft')")).toEqual(drafts)
    })

    it('are each document’s own after a reload', async () => {
      const { url } = await start()
      const page = await (await openBrowser({ name })).open(`${url}/?frames=2`)
      const drafts = await setDrafts(await documentsOf(page))
      await page.reload()
      const all = await documentsOf(page)
      expect([await inEach(all, 'first'), await inEach(all, "live.get('draft')")]).toEqual([drafts, drafts])
      // The cookie `live-tab` is the page’s alone.
      expect(await inEach(all, "document.querySelector('output').textContent")).toEqual([drafts[0], '', ''])
    })

    it('stay in a frame that navigates alone', async () => {
      const { url } = await start()
      const page = await (await openBrowser({ name })).open(`${url}/?frames=2`)
      const [, , frame] = await documentsOf(page)
      await setDrafts(page.frames())
      await present(frame).goto(`${url}/on`)
      expect(await present(frame).evaluate('[first, document.cookie]')).toEqual(['of 2', ''])
    })

    it('are each frame’s own in a page of another origin', async () => {
      const { url } = await start()
      const portal = await App.start({
        routes: (ctx) => {
          ctx.body = `<!doctype html><link rel="icon" href="data:,">${`<iframe src="${url}/in-frame"></iframe>`.repeat(2)}`
        },
      })
      const page = await (await openBrowser({ name })).open(portal.url)
      const frames = async (): Promise<readonly Frame[]> => {
        const [, ...all] = page.frames()
        for (const one of all) await is(one, "live.status('draft').status === 'unknown'", false)
        return all
      }
      const drafts = await setDrafts(await frames())
      await page.reload()
      expect(await inEach(await frames(), 'first')).toEqual(drafts)
    })
  })
