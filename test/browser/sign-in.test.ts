import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { Page, Request } from 'playwright-core'
import { describeInBrowser, openBrowser } from '../support/browser.js'
import { Example } from '../support/example.js'
import { present } from '../support/present.js'
import { Studio } from '../support/studio.js'
import { within } from '../support/within.js'

let example: Example

/** The form of a page, opened. */
async function openForm(page: Page) {
  await page.getByRole('button', { name: 'Sign in' }).click()
  const input = page.getByRole('textbox', { name: 'Your name' })
  return { input, hint: page.locator('#name-hint'), go: page.getByRole('button', { name: 'Continue' }) }
}

const posts = (page: Page): Request[] => {
  const all: Request[] = []
  page.on(
    'request',
    (request) => request.method() === 'POST' && request.url().endsWith('/sign-in') && all.push(request),
  )
  return all
}

describeInBrowser('the sign-in of the example', () => {
  beforeAll(async () => {
    example = await Example.start()
  })
  afterAll(async () => {
    await example.stop()
  })

  it('says of a name what it is, while it is typed, and signs in over the socket', async () => {
    const studio = await Studio.open(await openBrowser(), example.url)
    await studio.isConnected()
    await studio.choose('Film')
    const { page } = studio
    const sent = posts(page)
    const { input, hint, go } = await openForm(page)
    await input.pressSequentially('Br')
    await hint.getByText('Bruno Keller?').waitFor()
    await input.pressSequentially('x')
    await hint.getByText('Not one of Ada Okafor, Bruno Keller, or Chiara Rossi.').waitFor()
    expect(await input.getAttribute('aria-invalid')).toBe('true')
    await go.click()
    await input.fill('bruno keller')
    await hint.getByText('Bruno Keller, Head of Architecture.').waitFor()
    expect(sent).toEqual([])
    await go.click()
    await page.locator('#account', { hasText: 'Bruno Keller' }).waitFor()
    await studio.isConnected()
    // What the guest has chosen goes to the account.
    await studio.shows('Home', 'Film')
    expect(sent.map((request) => request.postData())).toEqual([
      expect.stringMatching(/^live_session_hand_off=[\w.-]+$/),
    ])
    expect(new URL(page.url()).pathname).toBe('/')
    // Over the socket the server knows the user, too.
    await studio.go('Projects')
    await page.locator('#account', { hasText: 'Bruno Keller' }).waitFor()
    expect(studio.errors).toEqual([])
  })

  it('brings back to the view that it was made from, and another tab becomes that user’s', async () => {
    const context = await openBrowser()
    const [one, two] = [await Studio.open(context, `${example.url}/costs`), await Studio.open(context, example.url)]
    for (const studio of [one, two]) await studio.isConnected()
    const { input } = await openForm(one.page)
    await input.fill('ada')
    await input.press('Enter')
    await one.page.locator('#account', { hasText: 'Ada Okafor' }).waitFor()
    expect(one.page.url()).toBe(`${example.url}/costs`)
    await two.page.locator('#account', { hasText: 'Ada Okafor' }).waitFor()
    expect(two.page.url()).toBe(`${example.url}/`)
  })

  it.each([
    ['without a connection', {}, true],
    ['without JavaScript', { javaScriptEnabled: false }, false],
  ])('is a plain POST %s', async (_, options, isOffline) => {
    const page = await (await openBrowser(options)).newPage()
    await page.goto(example.url)
    if (isOffline) {
      await page.locator('#connection[data-state=connected]').waitFor()
      await page.locator('summary', { hasText: 'Under the hood' }).click()
      await page.getByRole('button', { name: 'Go offline' }).click()
      await page.locator('#connection[data-state=offline]').waitFor()
    }
    const sent = posts(page)
    const { input, go } = await openForm(page)
    await input.fill('Chiara Rossi')
    await go.click()
    await page.locator('#account', { hasText: 'Chiara Rossi' }).waitFor()
    expect(sent.map((request) => request.postData())).toEqual(['user=Chiara+Rossi'])
    expect(await page.locator('#flash').textContent()).toBe('Signed in as Chiara Rossi.')
  })

  it('says once that it was, in the tab that it was made in, and so does the sign-out', async () => {
    const context = await openBrowser()
    const [one, two] = [await Studio.open(context, example.url), await Studio.open(context, example.url)]
    for (const studio of [one, two]) await studio.isConnected()
    const flash = ({ page }: Studio): Promise<string | null> => page.locator('#flash').textContent()
    await one.signIn('Ada Okafor')
    await two.page.locator('#account', { hasText: 'Ada Okafor' }).waitFor()
    expect([await flash(one), await flash(two)]).toEqual(['Signed in as Ada Okafor.', ''])
    await one.page.reload()
    await two.page.reload()
    expect([await flash(one), await flash(two)]).toEqual(['', ''])
    await one.page.getByRole('button', { name: 'Ada Okafor' }).click()
    const signedOut = one.page.waitForEvent('load')
    await one.page.getByRole('button', { name: 'Sign out' }).click()
    await signedOut
    await one.page.getByRole('button', { name: 'Sign in' }).waitFor()
    await two.page.getByRole('button', { name: 'Sign in' }).waitFor()
    expect([await flash(one), await flash(two)]).toEqual(['Signed out.', ''])
  })

  it('says in one of two open pages what no page came for, also when the server was killed meanwhile', async () => {
    const context = await openBrowser()
    const studios = [await Studio.open(context, example.url), await Studio.open(context, example.url)]
    for (const studio of studios) await studio.isConnected()
    const [one] = studios
    const cuts = await Promise.all(studios.map((studio) => studio.watchConnection()))
    await present(one).page.evaluate(
      `fetch('/sign-in', { method: 'POST', redirect: 'manual', body: new URLSearchParams({ user: 'eve' }) })`,
    )
    await example.kill()
    for (const isCut of cuts) await isCut()
    for (const studio of studios) await studio.isConnected()
    const shown = async (): Promise<readonly (string | null)[]> =>
      Promise.all(studios.map(({ page }) => page.locator('#flash').textContent()))
    const all = await within(shown, (texts) => texts.some((text) => text !== ''))
    expect([...all].sort()).toEqual(['', 'There is no user of that name.'])
    await present(one).page.reload()
    expect((await shown()).filter((text) => text !== '').length).toBeLessThanOrEqual(1)
  })

  it('asks a guest who saves a division to sign in, and saves it afterwards, with the keyboard and in another tab', async () => {
    const context = await openBrowser()
    const [studio, other] = [await Studio.open(context, example.url), await Studio.open(context, example.url)]
    for (const tab of [studio, other]) await tab.isConnected()
    await studio.choose('Film')
    const { page } = studio
    await page.getByRole('button', { name: 'Save this division' }).focus()
    await page.keyboard.press('Enter')
    await page.locator('#flash', { hasText: 'Sign in, and it is saved.' }).waitFor()
    expect(await page.evaluate('document.activeElement.placeholder')).toBe('Your name')
    await page.keyboard.type('Chiara Rossi')
    await page.keyboard.press('Enter')
    await page.locator('#flash', { hasText: 'Saved with your account: Film.' }).waitFor()
    await other.page.locator('#save[title="Saved: Film"]').waitFor()
    // Another browser of the same user has it; a guest's has not.
    const elsewhere = await Studio.open(await openBrowser(), example.url)
    await elsewhere.isConnected()
    expect(await elsewhere.page.locator('#save').getAttribute('title')).toBe('')
    await elsewhere.signIn('Chiara')
    await elsewhere.page.locator('#save[title="Saved: Film"]').waitFor()
    expect([studio, other, elsewhere].flatMap(({ errors }) => errors)).toEqual([])
  })
})
