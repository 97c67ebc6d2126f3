import type { Person } from './browser.js'
import { SiteTab } from './site-tab.js'

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
