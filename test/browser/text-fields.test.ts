import { expect, it } from '@jest/globals'
import { build } from 'esbuild'
import { defineFields } from 'koa-live-session/fields'
import type { Page } from 'puppeteer-core'
import { compile } from 'svelte/compiler'
import { z } from 'zod'
import { TYPING_PAUSE } from '../../client/core/limits.js'
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

const LIVE = `import { createLiveSession } from 'koa-live-session/client'
  import { io } from 'socket.io-client'
  export const live = globalThis.live = createLiveSession({ socket: io() })
`

async function bundled(contents: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, loader: 'tsx', resolveDir: '.' },
    jsx: 'automatic',
    define: {
      'process.env.NODE_ENV': '"production"',
      __VUE_OPTIONS_API__: 'false',
      __VUE_PROD_DEVTOOLS__: 'false',
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
    },
    conditions: ['browser'],
    bundle: true,
    format: 'esm',
    write: false,
  })
  return outputFiles[0]?.text ?? ''
}

/** The component `Search`, mounted without the server's HTML. */
const react = (component: string): Promise<string> =>
  bundled(`${component}
    ${LIVE}
    import { LiveSessionProvider } from 'koa-live-session/react'
    import { createRoot } from 'react-dom/client'
    createRoot(document.getElementById('app')).render(<LiveSessionProvider live={live}><Search /></LiveSessionProvider>)`)

/** Fields that write each value into their element, as first programs do. */
const FOLLOWING = {
  'plain page': () =>
    bundled(`${LIVE}
      const input = document.querySelector('input')
      input.disabled = false
      live.subscribe('search', (search) => { if (input.value !== search) input.value = search })
      input.addEventListener('input', () => live.set('search', input.value))`),
  'React, controlled': () =>
    react(`import { useLiveSession } from 'koa-live-session/react'
      function Search() {
        const [search, setSearch, { status }] = useLiveSession('search')
        return <label className={status}><input value={search} onChange={({ target }) => setSearch(target.value)} /></label>
      }`),
  'Vue, v-model': () =>
    bundled(`${LIVE}
      import { liveSessionPlugin, useLiveSession } from 'koa-live-session/vue'
      import { createApp } from 'vue/dist/vue.esm-bundler.js'
      createApp({ setup: () => useLiveSession('search'), template: '<label :class="status"><input v-model="value"></label>' })
        .use(liveSessionPlugin(live))
        .mount('#app')`),
  'Svelte, bind': () => {
    const source = '<script>let { search } = $props()</script><label><input bind:value={$search}></label>'
    return bundled(`${compile(source, { generate: 'client', name: 'Search' }).js.code.replace('export default', '')}
      ${LIVE}
      import { mount } from 'svelte'
      mount(Search, { target: document.body, props: { search: live.field('search') } })`)
  },
} as const

const PLAIN =
  '<select><option value="-1"></select><input aria-label="Search" disabled><span role="status"></span><ul></ul>'
const WAYS = [
  ['plain page', plain, PLAIN],
  ['React component', () => react(snippet('react/search.tsx', PAGE)), '<div id="app"></div>'],
] as const
/** Pauses of typing, which end when the test says so. */
const PAUSES = `{
  const { setTimeout: start, clearTimeout: stop } = globalThis
  const pauses = new Map()
  let last = 0
  globalThis.setTimeout = (act, ms) => (ms === ${TYPING_PAUSE} ? (pauses.set(--last, act), last) : start(act, ms))
  globalThis.clearTimeout = (timer) => pauses.delete(timer) || stop(timer)
  globalThis.endPauses = () => { for (const [timer, act] of pauses) { pauses.delete(timer); act() } }
}`
const END_PAUSES = 'endPauses()'
const NAMES = Object.keys(FOLLOWING) as (keyof typeof FOLLOWING)[]

/** Opens a page whose text field follows a value of this schema. */
async function open(
  [, script, body]: readonly [string, () => Promise<string>, string],
  schema: keyof typeof SCHEMAS,
): Promise<Page> {
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
  const page = await (await openBrowser({ script: PAUSES })).open(app.url)
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
    await page.evaluate(END_PAUSES)
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
    await page.evaluate(END_PAUSES)
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

describeInBrowser('a text field that follows its value', () => {
  const openFollowing = async (name: (typeof NAMES)[number], schema: keyof typeof SCHEMAS): Promise<Page> => {
    const body = name === 'plain page' ? '<label><input disabled></label>' : '<div id="app"></div>'
    return open([name, FOLLOWING[name], body], schema)
  }

  it.each(NAMES)('keeps the space between two words that the schema trims: %s', async (name) => {
    const page = await openFollowing(name, 'trims')
    for (const letter of 'anna maria') {
      await page.keyboard.type(letter)
      await ends(page, 'saved')
    }
    expect(await page.evaluate(SHOWN)).toBe('anna maria')
  })

  it.each(NAMES)('shows the transformed text after a pause: %s', async (name) => {
    const page = await openFollowing(name, 'lower-cases')
    await page.keyboard.type('An')
    await ends(page, 'saved')
    expect(await page.evaluate(SHOWN)).toBe('An')
    await page.evaluate(END_PAUSES)
    await is(page, SHOWN, 'an')
  })

  it.each(NAMES)('keeps a refused text until a pause: %s', async (name) => {
    const page = await openFollowing(name, 'refuses')
    await page.keyboard.type('abcdef')
    await ends(page, 'rejected')
    expect(await page.evaluate(SHOWN)).toBe('abcdef')
    await page.keyboard.press('Backspace')
    await ends(page, 'saved')
    await page.keyboard.type('g')
    await ends(page, 'rejected')
    await page.evaluate(END_PAUSES)
    await is(page, SHOWN, 'abcde')
  })
})
