import type { Page } from 'puppeteer-core'
import type { Person } from './browser.js'
import { Gate } from './gate.js'
import { hold } from './intercept.js'
import { click, named, shows } from './on-page.js'

/** A tab with an app. */
export class Tab {
  readonly page: Page
  readonly person: Person

  constructor(page: Page, person: Person) {
    this.page = page
    this.person = person
  }

  static async open(person: Person, url: string): Promise<Tab> {
    return new Tab(await person.open(url), person)
  }

  /** Opens a tab whose script arrives only when the returned function is called. */
  static async openSlowly(person: Person, url: string): Promise<readonly [tab: Tab, goOn: () => Promise<unknown>]> {
    const page = await person.newPage()
    const gate = new Gate()
    await hold(page, /\/browser\.js$/, () => gate.pass())
    const loaded = page.goto(url)
    await page.waitForSelector('.hint')
    const goOn = (): Promise<unknown> => {
      gate.open()
      return loaded
    }
    return [new Tab(page, person), goOn]
  }

  /** Complaints in the consoles of all tabs of the browser: hydration mismatches, policy violations, thrown errors. */
  get complaints(): readonly string[] {
    return this.person.complaints
  }

  /** Returns the HTML that the server sends to this browser now. */
  async html(): Promise<string> {
    return String(await this.page.evaluate("fetch('').then((answer) => answer.text())"))
  }

  async reload(): Promise<void> {
    await this.page.reload()
  }

  click(role: 'button' | 'radio', name: string): Promise<void> {
    return click(this.page, named(role, name))
  }

  shows(selector: string, text: string | RegExp): Promise<void> {
    return shows(this.page, selector, text)
  }
}
