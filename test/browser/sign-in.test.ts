import { expect, it } from '@jest/globals'
import type { HTTPRequest, Page } from 'puppeteer-core'
import { within } from '../support/app/within.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { click, fill, named, shows, textOf } from '../support/page/on-page.js'
import { Studio } from '../support/page/studio.js'
import { runningExample } from '../support/servers/running-example.js'

const example = runningExample()

const INPUT = '[aria-label="Your name"]'
const openForm = (page: Page): Promise<void> => click(page, named('button', 'Sign in'))
const showsHint = (page: Page, text: string): Promise<void> => shows(page, '#name-hint', text)
const flash = ({ page }: Studio): Promise<string> => textOf(page, '#flash')
const isSignedIn = (page: Page, name: string): Promise<void> => shows(page, '#account', name)

const posts = (page: Page): HTTPRequest[] => {
  const all: HTTPRequest[] = []
  page.on(
    'request',
    (request) => request.method() === 'POST' && request.url().endsWith('/sign-in') && all.push(request),
  )
  return all
}

describeInBrowser('the example’s sign-in', () => {
  it('checks a typed name, and signs in over the socket', async () => {
    const studio = await Studio.open(await openBrowser(), example.url)
    await studio.choose('Film')
    const { page } = studio
    const sent = posts(page)
    await openForm(page)
    await page.type(INPUT, 'Br')
    await showsHint(page, 'Bruno Keller?')
    await page.type(INPUT, 'x')
    await showsHint(page, 'Not one of Ada Okafor, Bruno Keller, or Chiara Rossi.')
    expect(await page.$eval(INPUT, (input) => input.getAttribute('aria-invalid'))).toBe('true')
    await studio.press('Continue')
    await fill(page, INPUT, 'bruno keller')
    await showsHint(page, 'Bruno Keller, Head of Architecture.')
    expect(sent).toEqual([])
    // On a busy machine, the browser tells of a redirected request after its page is shown.
    const posted = page.waitForRequest((request) => request.url().endsWith('/sign-in'))
    await studio.press('Continue')
    await isSignedIn(page, 'Bruno Keller')
    await studio.isConnected()
    await posted
    // The guest's choice moves to the account.
    await studio.shows('Home', 'Film')
    expect(sent.map((request) => request.postData())).toEqual([
      expect.stringMatching(/^live_session_hand_off=[\w.-]+$/),
    ])
    expect(new URL(page.url()).pathname).toBe('/')
    // The view comes over the socket, where the server now knows the user.
    await studio.go('Projects')
    await isSignedIn(page, 'Bruno Keller')
    expect(studio.errors).toEqual([])
  })

  it('returns to its view, and switches other tabs to the user', async () => {
    const person = await openBrowser()
    const [one, two] = [await Studio.open(person, `${example.url}/costs`), await Studio.open(person, example.url)]
    await openForm(one.page)
    await one.page.type(INPUT, 'ada')
    await one.page.keyboard.press('Enter')
    await isSignedIn(one.page, 'Ada Okafor')
    expect(one.page.url()).toBe(`${example.url}/costs`)
    await isSignedIn(two.page, 'Ada Okafor')
    expect(two.page.url()).toBe(`${example.url}/`)
  })

  it.each([
    ['without a connection', {}, true],
    ['without JavaScript', { hasScripts: false }, false],
  ])('is a plain POST %s', async (_, options, isOffline) => {
    const person = await openBrowser(options)
    const studio = new Studio(await person.open(example.url), person)
    const { page } = studio
    if (isOffline) {
      await studio.isConnected()
      await studio.toggleHood()
      await studio.press('Go offline')
      await studio.has('#connection[data-state=offline]')
    }
    const sent = posts(page)
    await page.click('[popovertarget]')
    await page.type(INPUT, 'Chiara Rossi')
    await page.click('#sign-in .button')
    // The form also names her, but only the next page has the message.
    await shows(page, '#flash', 'Signed in as Chiara Rossi.')
    await isSignedIn(page, 'Chiara Rossi')
    // The driver may report a redirected POST after its response.
    const bodies = await within(
      async () => sent.map((request) => request.postData()),
      ({ length }) => length > 0,
    )
    expect(bodies).toEqual(['user=Chiara+Rossi'])
  })

  it('shows its message once, and so does the sign-out', async () => {
    const person = await openBrowser()
    const [one, two] = [await Studio.open(person, example.url), await Studio.open(person, example.url)]
    await one.signIn('Ada Okafor')
    await isSignedIn(two.page, 'Ada Okafor')
    expect([await flash(one), await flash(two)]).toEqual(['Signed in as Ada Okafor.', ''])
    await one.page.reload()
    await two.page.reload()
    expect([await flash(one), await flash(two)]).toEqual(['', ''])
    await one.press('Ada Okafor')
    const signedOut = one.page.waitForNavigation()
    await one.press('Sign out')
    await signedOut
    for (const studio of [one, two]) await studio.has(named('button', 'Sign in'))
    expect([await flash(one), await flash(two)]).toEqual(['Signed out.', ''])
  })

  it('explains at /account why a single server lists no browsers', async () => {
    const studio = await Studio.open(await openBrowser(), `${example.url}/account`)
    await shows(studio.page, '#view-devices', 'Sign in to see your browsers here.')
    await studio.page.goto(example.url)
    await studio.signIn('Ada Okafor')
    await studio.page.goto(`${example.url}/account`)
    await shows(studio.page, '#view-devices', 'This server keeps your sign-in in the cookie')
    expect(studio.errors).toEqual([])
  })

  it('completes a guest’s pending save of a division', async () => {
    const person = await openBrowser()
    const [studio, other] = [await Studio.open(person, example.url), await Studio.open(person, example.url)]
    await studio.choose('Film')
    const { page } = studio
    await page.focus(named('button', 'Save this division'))
    await page.keyboard.press('Enter')
    await shows(page, '#flash', 'Sign in, and it is saved.')
    expect(await page.evaluate('document.activeElement.placeholder')).toBe('Your name')
    await page.keyboard.type('Chiara Rossi')
    await page.keyboard.press('Enter')
    await shows(page, '#flash', 'Saved with your account: Film.')
    await other.has('#save[title="Saved: Film"]')
    // The user's other browser has the saved division; a guest's browser has not.
    const elsewhere = await Studio.open(await openBrowser(), example.url)
    expect(await elsewhere.page.$eval('#save', (button) => button.getAttribute('title'))).toBe('')
    await elsewhere.signIn('Chiara')
    await elsewhere.has('#save[title="Saved: Film"]')
    expect([studio, other, elsewhere].flatMap(({ errors }) => errors)).toEqual([])
  })
})
