import { expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { click, controlValue, isAt } from '../support/page/on-page.js'
import { pageScript } from '../support/page/page-script.js'

const REGIONS = ['all', 'north', 'south'] as const
const fields = defineFields({ region: { schema: z.enum(REGIONS), default: 'all', client: 'write' } })

/** As in docs/getting-started.md. */
const SCRIPT = `
  import { createLiveSession } from 'koa-live-session/client'
  import { io } from 'socket.io-client'
  const live = createLiveSession({ socket: io() })
  const select = document.querySelector('select')
  live.subscribe('region', (region) => { select.value = region })
  select.addEventListener('change', () => void live.set('region', select.value))
  window.isSaved = () => live.status('region').status === 'saved'
  addEventListener('pageshow', ({ persisted }) => { window.isKept = persisted })`

async function start() {
  const script = pageScript(SCRIPT)
  const app = await App.start({
    fields,
    routes: (ctx) => {
      if (ctx.path === '/browser.js') {
        ctx.type = 'js'
        ctx.body = script
        return
      }
      const region = ctx.liveSession.get('region')
      const options = REGIONS.map((name) => `<option${name === region ? ' selected' : ''}>${name}</option>`)
      ctx.body = `<!doctype html><select>${options.join('')}</select><a href="/other">on</a>${ctx.liveSession.embed()}
        <script type="module" src="/browser.js"></script>`
    },
  })
  const page = await (await openBrowser()).open(app.url)
  const choose = async (region: string): Promise<void> => {
    await page.select('select', region)
    await page.waitForFunction('isSaved()')
  }
  return { url: app.url, page, choose }
}

describeInBrowser('a page restored by the back button', () => {
  it('shows the newer choice in its controls', async () => {
    const { url, page, choose } = await start()
    await choose('north')
    await click(page, 'a')
    await isAt(page, `${url}/other`)
    await choose('south')
    await page.goBack()
    await page.waitForFunction('isKept !== undefined')
    expect(await controlValue(page, 'select')).toBe('south')
  })
})
