import type { Server } from 'node:http'
import { afterEach, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { App } from '../support/app.js'
import { describeInBrowser, openBrowser } from '../support/browser.js'
import { DocsServer } from '../support/docs-server.js'
import { bundle, DocsSite, FOR_BROWSERS, serverPart } from '../support/docs-site.js'
import { snippet } from '../support/readme.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { serve } from '../support/serve.js'
import { SnippetFolder } from '../support/snippet-folder.js'
import { Tab } from '../support/tab.js'

let site: DocsSite | undefined
let server: DocsServer | undefined
afterEach(async () => {
  await site?.stop()
  await server?.remove()
})

async function start(...args: Parameters<typeof DocsServer.start>): Promise<DocsServer> {
  server = await DocsServer.start(...args)
  return server
}

const html =
  (body: string): Koa.Middleware =>
  (ctx) => {
    ctx.body = `<!doctype html>${body}${ctx.liveSession.embed()}<script type="module" src="/browser.js"></script>`
  }

/** Two tabs of a site whose button counts: what one does, both show, and the next HTML has. */
async function expectTwoTabsToCount(counter: string, isRendered: boolean): Promise<void> {
  const url = site?.url ?? ''
  const context = await openBrowser()
  const [one, two] = [await Tab.open(context, url), await Tab.open(context, url)]
  for (const count of [0, 1]) {
    await one.page.locator('button').click()
    await two.shows(counter, String(count))
  }
  await two.page.locator('button').click()
  await one.shows(counter, '2')
  await one.reload()
  await one.shows(counter, '2')
  if (isRendered) expect(await one.html()).toMatch(/<button.*>2/)
  expect([...one.complaints, ...two.complaints]).toEqual([])
}

describeInBrowser('docs/pages-and-sockets.md', () => {
  const folder = SnippetFolder.of('docs/pages-and-sockets.md')

  it('has a page that shows what any tab sets, and that it is saved', async () => {
    site = await DocsSite.start(
      folder,
      'browser.ts',
      html('<output></output><p role="status"></p><button>next</button>'),
    )
    const context = await openBrowser()
    const [one, two] = [await Tab.open(context, site.url), await Tab.open(context, site.url)]
    await one.shows('output', '-1')
    await one.shows('[role=status]', 'default')
    await one.page.locator('button').click()
    await two.shows('output', '0')
    await one.shows('[role=status]', 'saved')
    await one.reload()
    await one.shows('output', '0')
    expect([...one.complaints, ...two.complaints]).toEqual([])
  })

  it('has calls that do what it says', async () => {
    const { calls } = (await folder.import('page-calls.ts')) as { calls(live: unknown): Promise<void> }
    const app = await App.start({
      routes: (ctx) => {
        ctx.body = ctx.liveSession.snapshot()
      },
    })
    const visitor = app.visitor()
    const { live } = await visitor.open({ path: '/' })
    await calls(live)
    expect([live.get('division'), live.get('cart'), live.get('theme')]).toEqual([4, ['milk', 'tea'], 'light'])
    expect([live.status('division'), live.status()]).toEqual([{ status: 'saved' }, { status: 'saved' }])
    expect(JSON.parse(await visitor.text('/'))).toMatchObject({ values: { division: 4, cart: ['milk', 'tea'] } })
  })

  itRunsSnippetsOf('docs/pages-and-sockets.md', 'browser.ts', 'page-calls.ts')
})

describeInBrowser('docs/rendering.md', () => {
  const folder = SnippetFolder.of('docs/rendering.md')

  it('has a list of two filters, a number and a text, and says why a text was taken back', async () => {
    const others = { 'fields.ts': snippet('fields.ts', 'docs/rendering.md') }
    const { url } = await start('docs/rendering.md', 'server.ts', { others })
    const body = await bundle(folder, 'browser.ts', FOR_BROWSERS)
    const context = await openBrowser()
    await context.route('**/browser.js', (route) => route.fulfill({ contentType: 'text/javascript', body }))
    const [one, two] = [await Tab.open(context, url), await Tab.open(context, url)]
    await two.page.locator('li').nth(2).waitFor()
    await one.page.locator('input').pressSequentially('LI')
    await two.page.locator('ul', { hasText: /^LightsLine array$/ }).waitFor()
    await two.page.locator('select').selectOption('Lighting')
    for (const { page } of [one, two]) {
      await page.locator('ul', { hasText: /^Lights$/ }).waitFor()
      await page.locator('option:checked', { hasText: 'Lighting' }).waitFor({ state: 'attached' })
      expect(await page.locator('input').inputValue()).toBe('LI')
    }
    await one.page.locator('input').fill('"'.repeat(21))
    await one.shows('[role=status]', 'At most 20 letters.')
    expect(await one.page.locator('input').inputValue()).toBe('LI')
    await one.page.locator('input').fill('"')
    await two.page.locator('ul', { hasText: /^$/ }).waitFor({ state: 'attached' })
    await one.page.locator('[role=status]', { hasText: /^$/ }).waitFor({ state: 'attached' })
    const html = await one.html()
    expect(html).toContain('<option value="0" selected>Lighting</option>')
    expect(html).toContain('<input aria-label="Search" value="&#34;" ')
    expect([...one.complaints, ...two.complaints]).toEqual([])
  })

  it('has a component of React that the server renders, and that counts in two tabs', async () => {
    const { page } = (await serverPart(folder, 'react/server.tsx')) as { page: Koa.Middleware }
    site = await DocsSite.start(folder, 'react/browser.tsx', page)
    await expectTwoTabsToCount('button', true)
  })

  it('has a component of Vue that the server renders, and that counts in two tabs', async () => {
    const { page } = (await serverPart(folder, 'vue/server.ts')) as { page: Koa.Middleware }
    site = await DocsSite.start(folder, 'vue/browser.ts', page)
    await expectTwoTabsToCount('button', true)
  })

  it('has a component of Svelte that counts in two tabs', async () => {
    site = await DocsSite.start(folder, 'svelte/browser.ts', html(''))
    await expectTwoTabsToCount('button', false)
  })

  itRunsSnippetsOf('docs/rendering.md', 'browser.ts')
  itRunsSnippetsOf('docs/rendering.md', 'react/app.tsx', 'react/browser.tsx', 'react/server.tsx')
  itRunsSnippetsOf('docs/rendering.md', 'vue/Division.vue', 'vue/app.ts', 'vue/browser.ts', 'vue/server.ts')
  itRunsSnippetsOf('docs/rendering.md', 'svelte/Division.svelte', 'svelte/live.ts', 'svelte/browser.ts')
})

describeInBrowser('docs/getting-started.md', () => {
  const folder = SnippetFolder.of('docs/getting-started.md')

  it('has an app whose filter is the same in two tabs, and in the next HTML', async () => {
    expect(await folder.import('fields.ts')).toMatchObject({ fields: { region: { default: 'all' } } })
    const others = {
      'fields.ts': snippet('fields.ts', 'docs/getting-started.md'),
      'browser.js': await bundle(folder, 'browser.ts', FOR_BROWSERS),
    }
    const { url } = await start('docs/getting-started.md', 'server.ts', { others })
    const context = await openBrowser()
    const [one, two] = [await Tab.open(context, url), await Tab.open(context, url)]
    await two.page.locator('li').nth(2).waitFor()
    await one.page.locator('select').selectOption('south')
    for (const { page } of [one, two]) {
      await page.locator('ul', { hasText: /^order 2$/ }).waitFor()
      await page.locator('option:checked', { hasText: 'south' }).waitFor({ state: 'attached' })
    }
    await one.shows('[role=status]', 'saved')
    const html = await one.html()
    expect(html).toContain('<option selected>south</option>')
    expect(html).toContain('<ul><li>order 2</li></ul>')
    expect([...one.complaints, ...two.complaints]).toEqual([])
  })

  itRunsSnippetsOf('docs/getting-started.md')
})

describeInBrowser('docs/scaling.md', () => {
  const folder = SnippetFolder.of('docs/scaling.md')

  it('has a script whose page never polls', async () => {
    site = await DocsSite.start(folder, 'browser.ts', html(''))
    const page = await (await openBrowser()).newPage()
    const polls: string[] = []
    page.on('request', (request) => request.url().includes('transport=polling') && polls.push(request.url()))
    const connected = page.waitForEvent('websocket')
    await page.goto(site.url)
    await (await connected).waitForEvent('framereceived')
    expect(polls).toEqual([])
  })

  itRunsSnippetsOf('docs/scaling.md', 'browser.ts')
})

describeInBrowser('docs/flash-and-hand-off.md', () => {
  const folder = SnippetFolder.of('docs/flash-and-hand-off.md')

  it('has a form that signs in over the socket, and says what is wrong', async () => {
    const { http } = (await folder.import('sign-in.ts')) as { http: Server }
    const { url } = await serve(http)
    const context = await openBrowser()
    const body = await bundle(folder, 'browser.ts', FOR_BROWSERS)
    await context.route('**/browser.js', (route) => route.fulfill({ contentType: 'text/javascript', body }))
    const tab = await Tab.open(context, url)
    await tab.page.locator('[name=name]').fill('ann')
    await tab.page.locator('[name=password]').fill('wrong')
    await tab.click('button', 'Sign in')
    await tab.shows('output', 'That is not right')
    await tab.page.locator('[name=password]').fill('correct horse battery staple')
    await tab.click('button', 'Sign in')
    await tab.shows('p', 'Signed in')
    expect(tab.complaints).toEqual([])
  })

  itRunsSnippetsOf('docs/flash-and-hand-off.md', 'browser.ts')
})
