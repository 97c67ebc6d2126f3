import type { BrowserContext, Page, Response } from 'playwright-core'
import { Gate } from './gate.js'

/** A tab, and all complaints in its console: hydration mismatches, policy violations, thrown errors. */
export class Tab {
  readonly page: Page
  readonly complaints: string[] = []
  readonly #url: string

  private constructor(page: Page, url: string) {
    this.page = page
    this.#url = url
    page.on('pageerror', (error) => this.complaints.push(String(error)))
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(message.text())
    })
  }

  static async open(context: BrowserContext, url: string): Promise<Tab> {
    const tab = new Tab(await context.newPage(), url)
    await tab.page.goto(url)
    return tab
  }

  /** Opens a tab whose script arrives only when the returned function is called. */
  static async openSlowly(
    context: BrowserContext,
    url: string,
  ): Promise<readonly [tab: Tab, goOn: () => Promise<void>]> {
    const tab = new Tab(await context.newPage(), url)
    const gate = new Gate()
    await tab.page.route('**/browser.js', async (route) => {
      await gate.pass()
      await route.continue()
    })
    await tab.page.goto(url, { waitUntil: 'commit' })
    await tab.page.locator('.hint').waitFor()
    return [
      tab,
      async () => {
        gate.open()
        await tab.page.waitForLoadState('load')
      },
    ]
  }

  /** Returns the HTML that the server sends to this browser now. */
  async html(): Promise<string> {
    return (await this.page.request.get(this.#url)).text()
  }

  reload(): Promise<Response | null> {
    return this.page.reload()
  }

  async click(role: 'button' | 'radio', name: string): Promise<void> {
    await this.page.getByRole(role, { name, exact: true }).click()
  }

  async shows(selector: string, text: string): Promise<void> {
    await this.page.locator(selector, { hasText: text }).waitFor()
  }
}
