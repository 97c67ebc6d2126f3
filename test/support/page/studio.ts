import type { Page } from 'puppeteer-core'
import { within } from '../app/within.js'
import type { Person } from './browser.js'
import { click, named, shows } from './on-page.js'

/** A tab with the example app, used like a visitor. */
export class Studio {
  readonly page: Page
  readonly person: Person

  constructor(page: Page, person: Person) {
    this.page = page
    this.person = person
  }

  /** Opens a tab with a page of the app; resolves when its socket is open. */
  static async open(person: Person, url: string): Promise<Studio> {
    const studio = new Studio(await person.open(url), person)
    await studio.isConnected()
    return studio
  }

  /** Errors in all tabs of the browser, except network errors of an outage. */
  get errors(): readonly string[] {
    return this.person.errors.filter((text) => !/Failed to load resource|WebSocket|ERR_/.test(text))
  }

  /** Chooses a division, and waits for the cookie. */
  async choose(division: string): Promise<void> {
    await this.pick(division)
    await this.hasSaved()
  }

  pick(division: string): Promise<void> {
    return click(this.page, named('radio', division))
  }

  press(button: string): Promise<void> {
    return click(this.page, named('button', button))
  }

  /** Resolves when the page has an element of this selector, visible or not. */
  async has(selector: string): Promise<void> {
    // Puppeteer's waitForSelector fails if the page navigates while it waits.
    const found = await within(() => this.page.$(selector).catch(() => null), Boolean)
    if (!found) throw new Error(`expected ${selector}`)
  }

  hasSaved(): Promise<void> {
    return this.has('[data-key=division][data-status=saved]')
  }

  /** Resolves when the panel shows this text, where screen readers announce it. */
  tells(text: string | RegExp): Promise<void> {
    return shows(this.page, '#hood [role=status]', text)
  }

  /** Resolves when the view shows a division, in its figures and in the navigation bar. */
  async shows(view: string, division: string): Promise<void> {
    await shows(this.page, '.view-heading', new RegExp(`^${view}.*${division}`))
    await shows(this.page, '#division-choice label:has(:checked)', division)
  }

  go(view: string): Promise<void> {
    return click(this.page, `nav a::-p-text(${view})`)
  }

  /** Starts watching the connection. Returns a function that resolves at the next change of its state. */
  async watchConnection(): Promise<() => Promise<void>> {
    const watch = await this.page.evaluateHandle(() => {
      const changed = new Promise<void>((resolve) => {
        const connection = document.querySelector('#connection') ?? document
        new MutationObserver(() => resolve()).observe(connection, { attributeFilter: ['data-state'] })
      })
      return { changed }
    })
    return () => watch.evaluate(({ changed }) => changed)
  }

  isConnected(): Promise<void> {
    return this.has('#connection[data-state=connected]')
  }

  /** Toggles the panel, and resolves when a reload would keep its new state: browsers report the toggle later. */
  async toggleHood(): Promise<void> {
    const isOpen = await this.page.$eval('#hood details', (panel) => panel.open)
    await click(this.page, '#hood summary')
    await this.page.waitForFunction(
      (wanted: string) => sessionStorage.getItem('hood-open') === wanted,
      {},
      String(!isOpen),
    )
  }

  async signIn(user: string): Promise<void> {
    await this.press('Sign in')
    // The previous page may show the user, too, through its socket.
    const loaded = this.page.waitForNavigation()
    await click(this.page, `.menu-item::-p-text(${user})`)
    await loaded
    await shows(this.page, '#account', user)
  }
}
