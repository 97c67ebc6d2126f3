import { expect, it } from '@jest/globals'
import type Koa from 'koa'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { is } from '../support/page/on-page.js'
import { pageScript } from '../support/page/page-script.js'

const fields = defineFields({ n: { schema: z.number(), default: 0, client: 'write' } })

const SCRIPT = pageScript(`
  import { createLiveSession } from './client/development/index.ts'
  const live = createLiveSession()
  const outcomes = []
  live.set('n', 7).then(() => outcomes.push('saved'), ({ code }) => outcomes.push(code))
  Object.assign(window, { outcomes })`)

const routes: Koa.Middleware = (ctx) => {
  ctx.type = ctx.path === '/page.js' ? 'js' : 'html'
  if (ctx.path === '/page.js') ctx.body = SCRIPT
  else ctx.body = `<!doctype html>${ctx.liveSession.embed()}<script type="module" src="/page.js"></script>`
}

const TOLD = expect.stringMatching(/keeps no live cookie over http.*the Secure cookie of that visit.*#no-set-cookie$/)

describeInBrowser('a page over http', () => {
  it.each([
    ['names the Secure cookie of an earlier visit over https', true, 'cookies_blocked', [TOLD]],
    ['saves without such a cookie', false, 'saved', []],
  ])('%s', async (_, isLater, outcome, warnings) => {
    const app = await App.start<typeof fields>({ fields, routes, options: { consent: () => true } })
    // Browsers treat localhost like https.
    const person = await openBrowser({ proxyServer: app.url })
    const visit = { name: 'live', value: 'https', domain: 'shop.example', path: '/', secure: true, httpOnly: true }
    if (isLater) await person.context.setCookie(visit)
    const page = await person.open('http://shop.example/')
    await is(page, 'outcomes', [outcome])
    expect(person.warnings).toEqual(warnings)
  })

  it('says nothing without consent', async () => {
    const app = await App.start<typeof fields>({ fields, routes, options: { consent: () => false } })
    const person = await openBrowser({ proxyServer: app.url })
    const page = await person.open('http://shop.example/')
    await is(page, 'outcomes', ['cookies_blocked'])
    expect(person.warnings).toEqual([])
  })
})
