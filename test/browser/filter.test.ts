import { expect, it } from '@jest/globals'
import { Gate } from '../support/app/gate.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { hold } from '../support/page/intercept.js'
import { isAt, named, shows, textOf } from '../support/page/on-page.js'
import { Studio } from '../support/page/studio.js'
import { runningExample } from '../support/servers/running-example.js'

const example = runningExample()

describeInBrowser('a chosen division', () => {
  it('survives a change of view, back and forward without a page load', async () => {
    const studio = await Studio.open(await openBrowser(), example.url)
    await studio.choose('Film')
    let loads = 0
    studio.page.on('load', () => {
      loads += 1
    })
    for (const view of ['Projects', 'Costs', 'Home', 'Costs']) {
      await studio.go(view)
      await studio.shows(view, 'Film')
      expect(await studio.page.title()).toBe(`${view} · ControlManiac`)
      expect(await studio.page.evaluate('document.activeElement.textContent')).toBe(view)
    }
    await studio.page.goBack()
    await studio.shows('Home', 'Film')
    await studio.page.goForward()
    await studio.shows('Costs', 'Film')
    expect(new URL(studio.page.url()).pathname).toBe('/costs')
    expect(loads).toBe(0)
    expect(studio.errors).toEqual([])
  })

  it('is in the first HTML after a reload', async () => {
    const person = await openBrowser()
    const studio = await Studio.open(person, `${example.url}/costs`)
    await studio.choose('Events')
    const answer = await studio.page.reload()
    expect(await answer?.text()).toMatch(/<h1[^>]*>Costs<\/h1><p>Events, 2025<\/p>/)
    await studio.shows('Costs', 'Events')
  })

  it('is saved if chosen before the page’s script runs', async () => {
    const person = await openBrowser()
    const gate = new Gate()
    const studio = new Studio(await person.newPage(), person)
    await hold(studio.page, /\/browser\.js$/, () => gate.pass())
    const loaded = studio.page.goto(example.url)
    await studio.pick('Film')
    gate.open()
    await loaded
    await studio.hasSaved()
    await studio.shows('Home', 'Film')
    expect(studio.errors).toEqual([])
  })

  it('reaches a second browser of the same user', async () => {
    const [home, work] = [
      await Studio.open(await openBrowser(), example.url),
      await Studio.open(await openBrowser(), example.url),
    ]
    for (const studio of [home, work]) {
      await studio.signIn('Ada Okafor')
      await studio.isConnected()
    }
    await home.choose('Film')
    await work.shows('Home', 'Film')
    await work.choose('Events')
    await home.shows('Home', 'Events')
  })

  it('stays hidden from other users and guests', async () => {
    const open = async (user?: string): Promise<Studio> => {
      const studio = await Studio.open(await openBrowser(), example.url)
      if (user !== undefined) await studio.signIn(user)
      await studio.isConnected()
      return studio
    }
    const [bruno, chiara, guest] = [await open('Bruno Keller'), await open('Chiara Rossi'), await open()]
    await bruno.choose('Film')
    await chiara.choose('Design')
    for (const [studio, division] of [
      [bruno, 'Film'],
      [chiara, 'Design'],
      [guest, 'All divisions'],
    ] as const) {
      await studio.shows('Home', division)
      await studio.page.reload()
      await studio.shows('Home', division)
    }
    await bruno.press('Bruno Keller')
    await bruno.press('Sign out')
    await bruno.has(named('button', 'Sign in'))
    await bruno.shows('Home', 'All divisions')
  })

  // When offline, Chromium leaves an open WebSocket alone, and on localhost engine.io does not listen for the `offline` event.
  it('is saved after the browser was offline on localhost', async () => {
    const person = await openBrowser()
    const studio = await Studio.open(person, example.url)
    expect(new URL(example.url).hostname).toBe('localhost')
    await studio.isConnected()
    await studio.choose('Design')
    await studio.page.setOfflineMode(true)
    await studio.pick('Film')
    await studio.has('[data-key=division][data-status=offline]')
    await studio.page.setOfflineMode(false)
    await studio.hasSaved()
    await studio.page.reload()
    await studio.shows('Home', 'Film')
  })

  it('survives a kill of the server', async () => {
    const person = await openBrowser()
    const studio = await Studio.open(person, example.url)
    await studio.choose('Film')
    const isCut = await studio.watchConnection()
    await example.kill()
    await isCut()
    await studio.isConnected()
    await studio.go('Costs')
    await studio.shows('Costs', 'Film')
    const fresh = await Studio.open(person, `${example.url}/projects`)
    await fresh.shows('Projects', 'Film')
    await fresh.isConnected()
    await fresh.choose('Design')
    await studio.shows('Costs', 'Design')
  })

  it('works with JavaScript off', async () => {
    const person = await openBrowser()
    const studio = await Studio.open(person, example.url)
    await studio.choose('Film')
    const plain = await openBrowser({ hasScripts: false })
    await plain.context.setCookie(...(await person.context.cookies()))
    const page = await plain.open(`${example.url}/costs`)
    const heading = (): Promise<string> => textOf(page, '.view-heading')
    expect(await heading()).toContain('Film')
    expect(await page.$eval('svg', (drawing) => drawing.checkVisibility())).toBe(true)
    await page.click('input[value="3"]')
    await page.click('#division-choice button')
    await shows(page, '.view-heading', 'Design')
    await page.click('a[href="/projects"]')
    await isAt(page, `${example.url}/projects`)
    expect(await heading()).toContain('Design')
  })
})
