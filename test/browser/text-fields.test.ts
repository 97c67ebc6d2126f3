import { expect, it } from '@jest/globals'
import { build } from 'esbuild'
import { defineFields } from 'koa-live-session/fields'
import type { Page } from 'puppeteer-core'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { bundledSnippet } from '../support/docs/bundled-snippet.js'
import { snippet } from '../support/docs/readme.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { is } from '../support/page/on-page.js'

const PAGE = 'docs/rendering.md'
const INPUT = '[aria-label=Search], label input'
const SHOWN = `document.querySelector('${INPUT}').value`

const SCHEMAS = {
  trims: z.string().trim(),
  'lower-cases': z.string().toLowerCase(),
  refuses: z.string().max(5),
}

async function plain(): Promise<string> {
  return bundledSnippet('browser.ts', PAGE, '\nglobalThis.live = live')
}

/** The component of the guide, mounted without the server's HTML. */
async function react(): Promise<string> {
  const contents = `${snippet('react/search.tsx', PAGE)}
    import { createLiveSession } from 'koa-live-session/client'
    import { LiveSessionProvider } from 'koa-live-session/react'
    import { createRoot } from 'react-dom/client'
    import { io } from 'socket.io-client'
    const live = globalThis.live = createLiveSession({ socket: io() })
    createRoot(document.getElementById('app')).render(<LiveSessionProvider live={live}><Search /></LiveSessionProvider>)`
  const { outputFiles } = await build({
    stdin: { contents, loader: 'tsx', resolveDir: '.' },
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    bundle: true,
    format: 'esm',
    write: false,
  })
  return outputFiles[0]?.text ?? ''
}

const PLAIN =
  '<select><option value="-1"></select><input aria-label="Search" disabled><span role="status"></span><ul></ul>'
const WAYS = [
  ['plain page', plain, PLAIN],
  ['React component', react, '<div id="app"></div>'],
] as const

/** Opens a page whose text field follows a value of this schema. */
async function open([, script, body]: (typeof WAYS)[number], schema: keyof typeof SCHEMAS): Promise<Page> {
  const fields = defineFields({
    division: { schema: z.number(), default: -1, client: 'write' },
    search: { schema: SCHEMAS[schema], default: '', client: 'write' },
  })
  const text = await script()
  const app = await App.start<typeof fields>({
    fields,
    routes: (ctx) => {
      ctx.type = ctx.path === '/browser.js' ? 'js' : 'html'
      ctx.body =
        ctx.path === '/browser.js'
          ? text
          : `<!doctype html>${body}<button>Show</button>${ctx.liveSession.embed()}<script type="module" src="/browser.js"></script>`
    },
  })
  const page = await (await openBrowser()).open(app.url)
  await page.waitForSelector(`:is(${INPUT}):enabled`)
  await page.focus(`:is(${INPUT})`)
  return page
}

const ends = (page: Page, status: 'saved' | 'rejected'): Promise<void> =>
  is(page, "live.status('search').status", status)

describeInBrowser('a text field of the guide', () => {
  it.each(WAYS)('keeps the space between two words that the schema trims: %s', async (...way) => {
    const page = await open(way, 'trims')
    await page.keyboard.type('anna ')
    await ends(page, 'saved')
    await page.keyboard.type('maria')
    await ends(page, 'saved')
    expect(await page.evaluate(SHOWN)).toBe('anna maria')
  })

  it.each(WAYS)('shows the transformed text once the field is left: %s', async (...way) => {
    const page = await open(way, 'lower-cases')
    await page.keyboard.type('Anna')
    await ends(page, 'saved')
    expect(await page.evaluate(SHOWN)).toBe('Anna')
    await page.focus('button')
    await is(page, SHOWN, 'anna')
  })

  it.each(WAYS)('keeps a refused text until it is left: %s', async (...way) => {
    const page = await open(way, 'refuses')
    await page.keyboard.type('abcdefg')
    await ends(page, 'rejected')
    expect(await page.evaluate(SHOWN)).toBe('abcdefg')
    for (let times = 0; times < 3; times += 1) await page.keyboard.press('Backspace')
    await ends(page, 'saved')
    await page.keyboard.type('xyz')
    await ends(page, 'rejected')
    expect(await page.evaluate(SHOWN)).toBe('abcdxyz')
    await page.focus('button')
    await is(page, SHOWN, 'abcdx')
  })

  it.each(WAYS)('lets a composition end: %s', async (...way) => {
    const page = await open(way, 'refuses')
    const devtools = await page.createCDPSession()
    for (const text of ['n', 'ni', 'nihaon', 'nihaoni']) {
      await devtools.send('Input.imeSetComposition', { text, selectionStart: text.length, selectionEnd: text.length })
      await ends(page, text.length > 5 ? 'rejected' : 'saved')
    }
    expect(await page.evaluate(SHOWN)).toBe('nihaoni')
    await devtools.send('Input.insertText', { text: '你好你' })
    await ends(page, 'saved')
    expect(await page.evaluate(SHOWN)).toBe('你好你')
  })
})
