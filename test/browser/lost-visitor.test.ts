import { expect, it } from '@jest/globals'
import type Koa from 'koa'
import type { Page } from 'puppeteer-core'
import { App } from '../support/app/app.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { HIDDEN, STATE, STORED_WHO, startNotes, WITH_AND_WITHOUT_SOCKET } from '../support/page/notes.js'
import { is } from '../support/page/on-page.js'
import { pageScript } from '../support/page/page-script.js'

const stored = (page: Page): Promise<unknown> => page.evaluate(`localStorage['${STORED_WHO}']`)
const plant = (page: Page, who: unknown): Promise<unknown> => page.evaluate(`localStorage['${STORED_WHO}'] = '${who}'`)

describeInBrowser('threat 94: an open page whose stored visitor another tab', () => {
  it.each(
    WITH_AND_WITHOUT_SOCKET.flatMap(([how, hasSocket]) => [
      ['removes', how, hasSocket, 'localStorage.clear()'] as const,
      ['replaces', how, hasSocket, `localStorage['${STORED_WHO}'] = 'x'`] as const,
    ]),
  )('%s, %s: doubts once, and shows its values again', async (_, _how, hasSocket, act) => {
    const { page, open, seen, connections } = await startNotes({ hasSocket })
    const [who, before] = [await stored(page), connections()]
    const other = await open('/about')
    await other.evaluate(act)
    await is(page, '[seen.length, isSaved()]', [3, true])
    expect([await seen(), await stored(page)]).toEqual([['of Ann', 'nothing', 'of Ann'], who])
    // Whatever answers were still on their way, the change comes after them.
    await page.evaluate("live.set('note', 'later')")
    expect([await seen(), await page.evaluate('visitors')]).toEqual([['of Ann', 'nothing', 'of Ann', 'later'], []])
    expect(connections() - before).toBe(hasSocket ? 1 : 0)
  })

  it('replaces 200 times: doubts three times at most', async () => {
    const { page, open, seen, connections } = await startNotes({ hasSocket: true })
    const before = connections()
    const other = await open('/about')
    await other.evaluate(`(async () => {
      for (let i = 0; i < 200; i += 1) {
        localStorage['${STORED_WHO}'] = i
        await fetch('/about')
      }
    })()`)
    await is(page, STATE, ['of Ann', 'saved'])
    await page.evaluate("live.set('note', 'later')")
    const all = await seen()
    expect(all.filter((note) => note === 'nothing').length).toBeLessThanOrEqual(3)
    expect(connections() - before).toBeLessThanOrEqual(3)
    expect([all.at(-1), await page.evaluate(STATE)]).toEqual(['later', ['later', 'saved']])
  })

  it('puts back after Bob’s sign-in: learns of Bob, and no change reaches him', async () => {
    const { page, open, seen } = await startNotes()
    const ann = await stored(page)
    await page.setOfflineMode(true)
    const other = await open('/sign-in?bob')
    await other.goto(page.url())
    await is(page, STATE, HIDDEN)
    await plant(other, ann)
    await page.evaluate("void live.set('note', 'late').catch(({ code }) => { window.code = code })")
    await page.setOfflineMode(false)
    await is(page, '[live.get("note"), window.code]', ['of Bob', 'superseded'])
    expect(new Set(await seen())).toEqual(new Set(['of Ann', 'nothing', 'late', 'of Bob']))
    await other.reload()
    await is(other, STATE, ['of Bob', 'saved'])
    expect(await stored(other)).not.toBe(ann)
  })
})

describeInBrowser('threat 94: an open page whose browser', () => {
  it.each(WITH_AND_WITHOUT_SOCKET)('evicts the live cookie alone, %s: shows the values', async (_, hasSocket) => {
    const { app, person, page } = await startNotes({ hasSocket })
    const cookies = await person.context.cookies()
    await person.context.deleteCookie(...cookies.filter(({ name }) => name.startsWith('live')))
    const set = "live.set('note', 'later').then(() => 'saved', ({ code }) => code)"
    const outcomes = [await page.evaluate(set), await page.evaluate(set)]
    expect([...outcomes, await page.evaluate(STATE)]).toEqual(['superseded', 'saved', ['later', 'saved']])
    expect(app.errors).toEqual([])
  })

  it.each(WITH_AND_WITHOUT_SOCKET)(
    'evicts everything, %s: hides them, and saves a new guest’s',
    async (_, hasSocket) => {
      const { person, page, open, hold, seen } = await startNotes({ hasSocket })
      const [who, other] = [await stored(page), await open('/about')]
      await person.clearCookies()
      const gate = hold()
      await other.evaluate('localStorage.clear()')
      await is(page, STATE, HIDDEN)
      gate.open()
      await is(page, 'visitors', ['guest'])
      await page.evaluate("live.set('note', 'of a guest')")
      expect([await seen(), await page.evaluate(STATE)]).toEqual([
        ['of Ann', 'nothing', 'of a guest'],
        ['of a guest', 'saved'],
      ])
      expect(await stored(page)).not.toBe(who)
    },
  )

  it.each(WITH_AND_WITHOUT_SOCKET)(
    'withdraws a guest’s consent, %s: removes the stored visitor',
    async (_, hasSocket) => {
      const consent = ({ cookies }: Koa.Context): boolean => !cookies.get('refused', { signed: false })
      const { url, page } = await startNotes({ hasSocket, options: { consent } })
      await page.goto(`${url}/leave`)
      await page.evaluate("live.set('note', 'of a guest')")
      expect(await stored(page)).toMatch(/^[\w-]{22}$/)
      await page.evaluate("document.cookie = 'refused=1'")
      await page.evaluate("live.set('note', 'later').catch(() => undefined)")
      await is(page, `localStorage['${STORED_WHO}'] ?? null`, null)
    },
  )

  it('has its HTML from a cache: stores the visitor after the answer', async () => {
    const { page, hold, visit, loaded } = await startNotes()
    await visit('?cached')
    const who = await stored(page)
    await page.goto(`${page.url().replace('/notes?cached', '/about')}`)
    await page.evaluate('localStorage.clear()')
    const [gate, before] = [hold(), loaded.length]
    await visit('?cached')
    await gate.entered
    expect([loaded.length, await page.evaluate(STATE), await stored(page)]).toEqual([before, HIDDEN, undefined])
    gate.open()
    await is(page, STATE, ['of Ann', 'saved'])
    expect(await stored(page)).toBe(who)
  })
})

describeInBrowser('threat 94: an open page of one of two apps on a host', () => {
  it('hides its values only after a sign-out of its own app', async () => {
    const script = pageScript(`
      import { createLiveSession } from 'koa-live-session/client'
      const endpoint = (location.pathname.startsWith('/shop') ? '/shop' : '') + '/store_session'
      window.live = createLiveSession({ endpoint })
      window.heard = []
      live.onChange(({ value }) => heard.push(value))`)
    const routes: Koa.Middleware = async (ctx) => {
      if (ctx.path.endsWith('/leave')) await ctx.liveSession.leave()
      ctx.body = `<!doctype html>${ctx.liveSession.embed()}<script type="module">${script}</script>`
    }
    const shop = await App.start({ options: { key: 'shop', endpoint: '/shop/store_session' }, routes })
    const pass: Koa.Middleware = async (ctx, next) => {
      if (!ctx.path.startsWith('/shop')) return next()
      ctx.respond = false
      await shop.koa.callback()(ctx.req, ctx.res)
    }
    const { url } = await App.start({ before: () => [pass], routes })
    const person = await openBrowser()
    const pages = [await person.open(url), await person.open(`${url}/shop`)] as const
    for (const page of pages) await page.evaluate("live.set('division', 3)")
    await person.open(`${url}/shop/leave`)
    await is(pages[1], 'heard', [3, -1])
    await person.open(`${url}/shop`)
    await pages[0].evaluate("live.set('division', 4)")
    expect(await pages[0].evaluate('heard')).toEqual([3, 4])
    const items = (await pages[0].evaluate("Object.entries(localStorage).filter(([name]) => !name.includes(' '))")) as [
      name: string,
      who: string,
    ][]
    expect(items.map(([name]) => name).sort()).toEqual(['live-session:/shop/store_session', STORED_WHO])
    expect(new Set(items.map(([, who]) => who)).size).toBe(2)
  })
})
