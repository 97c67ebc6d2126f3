import { expect, it } from '@jest/globals'
import type Koa from 'koa'
import { App } from '../support/app/app.js'
import { Gate } from '../support/app/gate.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { STORED_WHO } from '../support/page/notes.js'
import { click, shows } from '../support/page/on-page.js'
import { pageScript } from '../support/page/page-script.js'

const SCRIPT = pageScript(`
  import { createLiveSession } from 'koa-live-session/client'
  const live = createLiveSession()
  const show = () => {
    document.querySelector('output').value = live.get('division') + ' ' + live.status('division').status
  }
  live.onStatus(show)
  live.subscribe('division', show)
  document.querySelector('button').addEventListener('click', () => live.set('division', live.get('division') + 1))
  const { fetch } = window
  /** Of each request, whether the lock was free. */
  window.posts = []
  window.fetch = (...args) => {
    posts.push(!!window.isFree)
    return fetch(...args)
  }
  // The page looks at the stored visitor as the event arrives.
  addEventListener('storage', () => setTimeout(() => { window.hasLooked = true }, 100))
`)

const HELD = '(async () => (await navigator.locks.query()).held.length)()'
const IS_AWAITED = 'navigator.locks.query().then(({ pending }) => pending.length > 0)'
const IS_FREE = 'navigator.locks.query().then(({ held }) => !held.length)'

/** Starts an app whose endpoint holds the first POST of a change until the gate opens. */
async function start() {
  const gate = new Gate()
  let isFirst = true
  const between: Koa.Middleware = async (ctx, next) => {
    if (ctx.method === 'POST' && isFirst) {
      isFirst = false
      await gate.pass()
    }
    await next()
  }
  const app = await App.start({
    before: () => [between],
    attach: { handshake: [] },
    routes: (ctx) => {
      ctx.type = 'html'
      const embedded = ctx.liveSession.embed()
      ctx.body = `<!doctype html><output></output><button>next</button>${embedded}<script type="module">${SCRIPT}</script>`
    },
  })
  return { app, gate }
}

describeInBrowser('a tab frozen during a POST', () => {
  it('releases the POST lock, and saves when resumed', async () => {
    const { app, gate } = await start()
    const context = await openBrowser()
    const url = `http://localhost:${app.port}/`
    const [frozen, other] = [await context.open(url), await context.open(url)]
    await click(frozen, 'button')
    await gate.entered
    expect(await other.evaluate(HELD)).toBe(1)
    // A driven browser freezes no tab by itself.
    await frozen.evaluate("document.dispatchEvent(new Event('freeze'))")
    await other.waitForFunction(IS_FREE)
    await click(other, 'button')
    await shows(other, 'output', '0 saved')
    gate.open()
    await frozen.evaluate("document.dispatchEvent(new Event('resume'))")
    await shows(frozen, 'output', '0 saved')
  })
})

describeInBrowser('a tab that waits for the POST lock', () => {
  it('POSTs only with it, also after it has looked at the visitor', async () => {
    const { app, gate } = await start()
    gate.open()
    const context = await openBrowser()
    const url = `http://localhost:${app.port}/`
    const [holder, waiting] = [await context.open(url), await context.open(url)]
    await holder.evaluate(`new Promise((resolve) => {
      navigator.locks.request('${STORED_WHO}', () => new Promise((free) => resolve(Object.assign(window, { free }))))
    }).then(() => undefined)`)
    await click(waiting, 'button')
    await waiting.waitForFunction(IS_AWAITED)
    await holder.evaluate(`localStorage.setItem('${STORED_WHO}', 'another')`)
    await waiting.waitForFunction('window.hasLooked')
    await waiting.evaluate('window.isFree = true')
    await holder.evaluate('free()')
    await shows(waiting, 'output', '0 saved')
    expect(await waiting.evaluate('posts')).toEqual([true, true])
  })
})
