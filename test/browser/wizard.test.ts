import { text } from 'node:stream/consumers'
import { beforeEach, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import type { Page } from 'puppeteer-core'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { auth, identify } from '../support/app/auth.js'
import { bundledSnippet } from '../support/docs/bundled-snippet.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { click, fill, is, isAt } from '../support/page/on-page.js'

const fields = defineFields({
  draft: {
    schema: z.record(z.string(), z.string()),
    default: {},
    client: 'write',
    scope: 'tab',
    onLogin: 'newest',
  },
})

const SCRIPT = bundledSnippet('wizard-page.ts', 'docs/tab-values.md', '\nObject.assign(window, { live })')
/** The inputs of each page. The last page has all of them, and POSTs the order. */
const PAGES: Readonly<Record<string, string>> = {
  '/one': '<form class="wizard"><input name="car"></form>',
  '/two': '<form class="wizard"><input name="note"></form>',
  '/three': `<form class="wizard" action="/orders" method="post"><input name="car" type="hidden"><input name="note">
    <button id="order">Order</button></form>`,
  '/ordered': '<body data-ordered>',
}

let orders: string[] = []
beforeEach(() => {
  orders = []
})

/** Three pages of a wizard, a sign-in by a form's POST, and a page without the client, as at a provider of sign-ins. */
function start(): Promise<App<typeof fields>> {
  return App.start({
    fields,
    before: (koa) => [auth(koa)],
    options: { identify } as never,
    routes: async (ctx) => {
      if (ctx.path === '/browser.js') {
        ctx.type = 'js'
        ctx.body = await SCRIPT
      } else if (ctx.path === '/provider') {
        ctx.body = '<!doctype html><form action="/sign-in?user=ann" method="post"><button>Sign in</button></form>'
      } else if (ctx.path === '/orders') {
        orders.push(new URLSearchParams(await text(ctx.req)).toString())
        ctx.redirect('/ordered')
      } else if (ctx.method === 'POST') {
        ctx['session'] = ctx.path === '/sign-in' ? { user: ctx.query['user'] } : null
        await ctx.liveSession.identify()
        ctx.redirect(ctx.path === '/sign-in' ? '/three' : '/one')
      } else if (PAGES[ctx.path]) {
        ctx.body = `<!doctype html>${PAGES[ctx.path]}
          <a href="/two">two</a><a href="/provider">provider</a><a href="/three">three</a>
          ${['ann', 'bob'].map((user) => `<form action="/sign-in?user=${user}" method="post"><button id="${user}">Sign in</button></form>`).join('')}
          <form action="/sign-out" method="post"><button id="out">Sign out</button></form>
          ${ctx.liveSession.embed()}<script type="module" src="/browser.js"></script>`
      }
    },
  })
}

/** Resolves when the page’s input shows this text, and its draft is saved. */
const shown = (page: Page, name: string, text: string): Promise<void> =>
  is(page, `[document.querySelector('[name=${name}]').value, live.status('draft').status]`, [
    text,
    text ? 'saved' : 'default',
  ])

async function go(page: Page, selector: string, to: string, url: string): Promise<void> {
  await click(page, selector)
  await isAt(page, url + to)
}

describeInBrowser('a wizard', () => {
  it('keeps its draft through a sign-in by a form, until the order', async () => {
    const { url } = await start()
    const person = await openBrowser()
    const page = await person.open(`${url}/one`)
    await fill(page, '[name=car]', 'a van')
    await shown(page, 'car', 'a van')
    await go(page, '[href="/two"]', '/two', url)
    await fill(page, '[name=note]', 'two seats')
    await shown(page, 'note', 'two seats')
    await go(page, '#ann', '/three', url)
    await shown(page, 'note', 'two seats')
    await page.reload()
    await shown(page, 'car', 'a van')
    await go(page, '#order', '/ordered', url)
    expect(orders).toEqual(['car=a+van&note=two+seats'])
    await is(page, "[live.get('draft'), live.status('draft').status]", [{}, 'saved'])
    await page.goto(`${url}/one`)
    await is(page, "document.querySelector('[name=car]').value", '')
    expect(person.errors).toEqual([])
  })

  it('threat 75: keeps no draft after a sign-out', async () => {
    const { url } = await start()
    const page = await (await openBrowser()).open(`${url}/one`)
    await fill(page, '[name=car]', 'a van')
    await shown(page, 'car', 'a van')
    await go(page, '#ann', '/three', url)
    await shown(page, 'car', 'a van')
    await go(page, '#out', '/one', url)
    await shown(page, 'car', '')
    await go(page, '#bob', '/three', url)
    await shown(page, 'car', '')
    expect(await page.evaluate("Object.values(sessionStorage).join('')")).toBe('')
  })

  it('keeps its draft through a page without the client', async () => {
    const { url } = await start()
    const page = await (await openBrowser()).open(`${url}/one`)
    await fill(page, '[name=car]', 'a van')
    await shown(page, 'car', 'a van')
    await go(page, '[href="/provider"]', '/provider', url)
    // As after the five seconds of this cookie.
    await page.evaluate("document.cookie = 'live-tab=;path=/;max-age=0'")
    await go(page, 'button', '/three', url)
    await shown(page, 'car', 'a van')
  })

  it('keeps another open tab’s own draft', async () => {
    const { url } = await start()
    const person = await openBrowser()
    const [one, two] = [await person.open(`${url}/one`), await person.open(`${url}/one`)]
    await fill(one, '[name=car]', 'a van')
    await fill(two, '[name=car]', 'a truck')
    await shown(one, 'car', 'a van')
    await shown(two, 'car', 'a truck')
    await two.evaluate('live.onVisitor(({ id }) => { window.user = id })')
    await go(one, '#ann', '/three', url)
    await shown(one, 'car', 'a van')
    await is(two, 'window.user', 'ann')
    await shown(two, 'car', 'a truck')
  })
})
