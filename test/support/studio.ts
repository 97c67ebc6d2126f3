import type { BrowserContext, Page } from 'playwright-core'

/** A tab with the example app, used as a visitor uses it. */
export class Studio {
  readonly page: Page
  /** Errors in the page, except network errors of an outage. */
  readonly errors: string[] = []

  constructor(page: Page) {
    this.page = page
    page.on('pageerror', (error) => this.errors.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error' && !/Failed to load resource|WebSocket|ERR_/.test(message.text())) {
        this.errors.push(message.text())
      }
    })
  }

  static async open(context: BrowserContext, url: string): Promise<Studio> {
    const studio = new Studio(await context.newPage())
    await studio.page.goto(url)
    return studio
  }

  /** Chooses a division and waits until the browser has it in its cookie. */
  async choose(division: string): Promise<void> {
    await this.pick(division)
    await this.hasSaved()
  }

  /** Only clicks a division. */
  async pick(division: string): Promise<void> {
    await this.page.getByRole('radio', { name: division }).click()
  }

  async hasSaved(): Promise<void> {
    await this.page.locator('[data-key=division][data-status=saved]').waitFor({ state: 'attached' })
  }

  /** Resolves when the panel shows this text, where screen readers announce it. */
  async tells(text: string | RegExp): Promise<void> {
    await this.page.locator('#hood').getByRole('status').getByText(text).waitFor()
  }

  /** Resolves when the view shows a division, in its figures and in the navigation bar. */
  async shows(view: string, division: string): Promise<void> {
    const heading = this.page.locator('.view-heading', {
      has: this.page.getByRole('heading', { name: view, level: 1 }),
    })
    await heading.getByText(division).waitFor()
    const toggle = this.page.getByRole('group', { name: 'Division' })
    await toggle.locator('label:has(:checked)', { hasText: division }).waitFor({ state: 'attached' })
  }

  async go(view: string): Promise<void> {
    await this.page.getByRole('navigation').getByRole('link', { name: view }).click()
  }

  /** Resolves once the page watches its connection, with a function that resolves at the next change of its state, however soon another follows. */
  async watchConnection(): Promise<() => Promise<void>> {
    const watch = await this.page.locator('#connection').evaluateHandle((element) => {
      const changed = new Promise<void>((resolve) => {
        new MutationObserver(() => resolve()).observe(element, { attributeFilter: ['data-state'] })
      })
      return { changed }
    })
    return () => watch.evaluate(({ changed }) => changed)
  }

  async isConnected(): Promise<void> {
    await this.page.locator('#connection[data-state=connected]').waitFor()
  }

  /** Opens the panel "Under the hood", or closes it. */
  async toggleHood(): Promise<void> {
    await this.page.locator('summary', { hasText: 'Under the hood' }).click()
  }

  async signIn(user: string): Promise<void> {
    await this.page.getByRole('button', { name: 'Sign in' }).click()
    // The previous page may show the user, too, through its socket.
    const loaded = this.page.waitForEvent('load')
    await this.page.getByRole('button', { name: user }).click()
    await loaded
    await this.page.locator('#account', { hasText: user }).waitFor()
  }
}
