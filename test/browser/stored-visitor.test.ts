import { expect, it } from '@jest/globals'
import { describeWith } from '../support/app/describe-with.js'
import { BROWSERS, describeInBrowser } from '../support/page/browser.js'
import { HIDDEN, SIGN_OUTS, STATE, startNotes, WITH_AND_WITHOUT_SOCKET } from '../support/page/notes.js'
import { is } from '../support/page/on-page.js'

const PATHS = [...new Set(SIGN_OUTS.map(([path]) => path))]

describeInBrowser('threat 94: an open page, after another tab', () => {
  it.each(PATHS)('opens %s: hides Ann’s values before any answer', async (path) => {
    const { page, hold, open, seen } = await startNotes()
    const gate = hold()
    await open(path)
    await is(page, STATE, HIDDEN)
    gate.open()
    await is(page, 'visitors', ['guest'])
    expect(await seen()).toEqual(['of Ann', 'nothing'])
  })

  // A page with a socket hears of the sign-out itself, and forgets the stored visitor: no `storage` event follows.
  it.each([...PATHS, '/leave?bare'])('opens %s, with a socket: hides Ann’s values with the answer', async (path) => {
    const { page, open, seen } = await startNotes({ hasSocket: true })
    await open(path)
    await is(page, 'visitors', ['guest'])
    expect(await seen()).toEqual(['of Ann', 'nothing'])
  })

  // Not promised: docs/security.md.
  it('signs out to a page without our client: shows Ann’s values until the next answer, without a socket', async () => {
    const { page, open } = await startNotes()
    await open('/leave?bare')
    expect(await page.evaluate(STATE)).toEqual(['of Ann', 'saved'])
    expect(await page.evaluate("live.set('note', 'late').catch(({ code }) => code)")).toBe('superseded')
    expect(await page.evaluate("[live.get('note'), ...visitors]")).toEqual(['nothing', 'guest'])
  })

  it.each(WITH_AND_WITHOUT_SOCKET)(
    'signs Bob in, while it is offline, %s: hides Ann’s values',
    async (_, hasSocket) => {
      const { page, open, seen } = await startNotes({ hasSocket })
      await page.setOfflineMode(true)
      const other = await open('/sign-in?bob')
      await other.goto(page.url())
      await is(page, STATE, HIDDEN)
      await page.setOfflineMode(false)
      await is(page, STATE, ['of Bob', 'saved'])
      expect(await seen()).toEqual(['of Ann', 'nothing', 'of Bob'])
    },
  )

  it('signs Bob in, while it is offline: hides Ann’s draft, which never reaches Bob', async () => {
    const { page, open, seen } = await startNotes()
    await page.setOfflineMode(true)
    await page.evaluate("void live.set('note', 'draft').catch(({ code }) => { window.code = code })")
    await is(page, STATE, ['draft', 'offline'])
    const other = await open('/sign-in?bob')
    await other.goto(page.url())
    await is(page, "live.get('note')", 'nothing')
    await page.setOfflineMode(false)
    await is(page, '[live.get("note"), window.code]', ['of Bob', 'superseded'])
    expect(await seen()).toEqual(['of Ann', 'draft', 'nothing', 'of Bob'])
    await other.reload()
    await is(other, STATE, ['of Bob', 'saved'])
  })

  it('signs out, over http without `cookieStore` and Web Locks: hides Ann’s values', async () => {
    const { page, hold, open } = await startNotes({ host: 'notes.example' })
    expect(await page.evaluate('[window.cookieStore, navigator.locks].map(String)')).toEqual(['undefined', 'undefined'])
    const gate = hold()
    await open('/leave')
    await is(page, STATE, HIDDEN)
    gate.open()
    await is(page, 'visitors', ['guest'])
  })
})

for (const name of BROWSERS.filter((one) => one !== 'Chromium'))
  describeWith(name, `threat 94: an open page (${name})`, () => {
    it('hides Ann’s values after a sign-out in another tab, before any answer', async () => {
      const { page, hold, open } = await startNotes({ name })
      const gate = hold()
      await open('/leave')
      await is(page, STATE, HIDDEN)
      gate.open()
      await is(page, 'visitors', ['guest'])
    })
  })
