import type { Page } from 'puppeteer-core'
import type { Said, Shown, SiteKey } from '../../browser/site/page.js'
import { present } from '../app/present.js'
import type { Person } from './browser.js'
import { is } from './on-page.js'

/** A tab that shows a page of the site. */
export class SiteTab {
  readonly page: Page
  readonly visitor: Visitor

  constructor(page: Page, visitor: Visitor) {
    this.page = page
    this.visitor = visitor
  }

  async goto(path: string): Promise<void> {
    await this.page.goto(this.visitor.url + path)
  }

  async reload(): Promise<void> {
    await this.page.reload()
  }

  /** Goes back or forward; resolves when the page of this path is shown, whether loaded or from the back/forward cache. */
  async travel(direction: 'back' | 'forward', path: string): Promise<void> {
    // Not at once, because the page that has to answer would be gone.
    await this.page.evaluate(`void setTimeout(() => history.${direction}())`)
    await this.is(`location.pathname === ${JSON.stringify(path)} && document.readyState`, 'complete')
  }

  async close(): Promise<void> {
    await this.page.close()
  }

  /** Opens another tab, which does something and closes itself this many ms later. */
  async openShortly(path: string, action: string, ms: number): Promise<void> {
    const opening = new Promise<Page | null>((resolve) => this.page.once('popup', resolve))
    await this.page.evaluate(`void open(${JSON.stringify(this.visitor.url + path)})`)
    const page = present(await opening)
    const tab = new SiteTab(page, this.visitor)
    await tab.isConnected()
    const closed = new Promise((resolve) => page.once('close', resolve))
    await page.evaluate(`void (${action}, setTimeout(() => close(), ${ms}))`).catch(() => undefined)
    await closed
  }

  /** Signs in with the page's form, which reloads the page. */
  async signIn(user: string): Promise<void> {
    await this.page.click(`[value=${user}]`)
    await this.is("document.querySelector('#user').value", user)
    await this.isConnected()
  }

  async signOut(): Promise<void> {
    await this.page.click('#sign-out')
    await this.is("document.querySelector('#user').value", 'guest')
    await this.isConnected()
  }

  /** Makes a POST from this page, with the browser's cookies, without leaving the page. */
  async post(path: string, body = ''): Promise<void> {
    const init = { method: 'POST', body, redirect: 'manual' }
    await this.page.evaluate(`fetch(${JSON.stringify(path)}, ${JSON.stringify(init)}).then(() => undefined)`)
  }

  async click(key: SiteKey): Promise<void> {
    await this.page.click(`[data-next=${key}]`)
  }

  async set(key: SiteKey, value?: unknown): Promise<void> {
    await this.page.evaluate(`site.set(${JSON.stringify(key)}, ${JSON.stringify(value)})`)
  }

  async add(...items: string[]): Promise<void> {
    await this.page.evaluate(`${JSON.stringify(items)}.forEach(site.add)`)
  }

  /** Resolves when the cart has exactly these items, all saved. */
  async hasAdded(...items: string[]): Promise<void> {
    await this.is("JSON.parse(document.querySelector('[data-key=cart]').value).sort()", [...items].sort())
    await this.is("site.record.said.filter(({ isAdded, outcome }) => isAdded && outcome !== 'saved')", [])
    await this.is('site.isAtRest()', true)
  }

  async shows(key: SiteKey, value: unknown): Promise<void> {
    await this.is(`document.querySelector('[data-key=${key}]').value`, JSON.stringify(value))
  }

  async reaches(key: SiteKey, status: string, reason = ''): Promise<void> {
    await this.is(`(({ status, reason }) => [status, reason])(document.querySelector('[data-key=${key}]').dataset)`, [
      status,
      reason,
    ])
  }

  async isConnected(): Promise<void> {
    // Each connection brings a ticket, and only the ticket gives the page a subject.
    await this.is('site.socket.connected && site.record.whose[0] !== ""', true)
  }

  async said(): Promise<readonly Said[]> {
    return (await this.page.evaluate('site.record.said')) as Said[]
  }

  async shown(): Promise<readonly Shown[]> {
    return (await this.page.evaluate('site.record.shown')) as Shown[]
  }

  /** Resolves when an expression has this value; while the page is being left, the expression has none. */
  async is(expression: string, wanted: unknown): Promise<void> {
    await is(this.page, expression, wanted)
  }
}

/** A visitor's browser, on the site. */
export class Visitor {
  readonly url: string
  readonly #person: Person

  constructor(person: Person, url: string) {
    this.#person = person
    this.url = url
  }

  async open(path = '/'): Promise<SiteTab> {
    const tab = new SiteTab(await this.#person.newPage(), this)
    await tab.goto(path)
    return tab
  }

  async connect(path = '/'): Promise<SiteTab> {
    const tab = await this.open(path)
    await tab.isConnected()
    return tab
  }

  /** Returns the visitor's values on the server, which is asked with the cookies of the browser. */
  async values(): Promise<Record<string, unknown>> {
    const cookies = await this.#person.context.cookies()
    const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
    return (await fetch(`${this.url}/values`, { headers: { cookie } })).json()
  }
}
