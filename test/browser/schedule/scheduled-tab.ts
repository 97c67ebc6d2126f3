import { within } from '../../support/app/within.js'
import { crash } from '../../support/page/crash.js'
import type { SiteTab } from '../../support/page/site-tab.js'
import type { PageRecord, SiteKey } from '../site/page.js'
import type { Record } from './record.js'

/** A tab of a schedule, which records the changes and sights of its pages. */
export class ScheduledTab {
  readonly name: string
  /** The index of its browser. */
  readonly browser: number
  isOpen = true
  /** Whether the tab shows `/other`. */
  isAway = false
  readonly #tab: SiteTab
  readonly #path: string
  readonly #record: Record

  constructor(name: string, browser: number, tab: SiteTab, path: string, record: Record) {
    this.name = name
    this.browser = browser
    this.#tab = tab
    this.#path = path
    this.#record = record
  }

  set(key: SiteKey, value?: unknown): Promise<void> {
    return this.#tab.set(key, value)
  }

  post(path: string, body?: string): Promise<void> {
    return this.#tab.post(path, body)
  }

  async reload(): Promise<void> {
    if (this.isAway) return
    await this.harvest()
    await this.#tab.reload()
  }

  async leave(): Promise<void> {
    if (this.isAway) return
    await this.harvest()
    this.isAway = true
    await this.#tab.goto('/other')
  }

  /** Adds items to the cart and navigates by script, in the same turn of the event loop. */
  async addAndGo(items: readonly string[], to: 'link' | 'reload' | 'away'): Promise<void> {
    const path = to === 'away' ? '/other' : this.#path
    const going =
      to === 'reload' ? 'location.reload()' : `location.assign(${JSON.stringify(path)} + '?' + Math.random())`
    const { id } = await this.#add(items, going)
    this.isAway = to === 'away'
    const isNext = this.isAway
      ? 'location.pathname === "/other"'
      : `site.record.id !== ${id} && site.returns.length > 0`
    await this.#tab.is(isNext, true)
  }

  async add(items: readonly string[]): Promise<void> {
    await this.#add(items)
  }

  async #add(items: readonly string[], then = ''): Promise<PageRecord> {
    const record = await this.#tab.page.evaluate(
      `(() => { ${JSON.stringify(items)}.forEach(site.add); ${then}; return site.record })()`,
    )
    this.#record.add(this.name, this.browser, record as PageRecord)
    return record as PageRecord
  }

  /** Resolves when the page knows its first values, before which it can compute nothing. */
  async isReady(): Promise<void> {
    await this.#tab.is("document.querySelector('[data-key=cart]').value !== ''", true)
  }

  /** Whether the page has a connection. */
  async isConnected(): Promise<boolean> {
    return (await this.#tab.page.evaluate('site.socket.connected')) === true
  }

  /** Whether no change of the page is in flight. */
  async isAtRest(): Promise<boolean> {
    return (await this.#tab.page.evaluate('site.isAtRest()')) === true
  }

  async crash(): Promise<void> {
    if (!this.isAway) await this.harvest()
    this.isOpen = false
    await crash(this.#tab.page)
  }

  async comeBack(): Promise<void> {
    if (!this.isAway) return
    await this.#tab.travel('back', this.#path)
    await this.#tab.is("document.documentElement.dataset.ready ?? 'loading'", '')
    this.isAway = false
  }

  async close(): Promise<void> {
    if (!this.isAway) await this.harvest()
    this.isOpen = false
    await this.#tab.close()
  }

  async harvest(): Promise<void> {
    this.#record.add(this.name, this.browser, (await this.#tab.page.evaluate('site.record')) as PageRecord)
  }

  /** Whether the page connects and settles its changes within a bounded time. */
  async comesToRest(): Promise<boolean> {
    // The `online` event makes the page retry at once.
    await this.#tab.page.evaluate("void dispatchEvent(new Event('online'))")
    const look = (): Promise<unknown> => this.#tab.page.evaluate('site.socket.connected && site.isAtRest()')
    return (await within(look, (isSo) => isSo === true)) === true
  }

  async whose(): Promise<readonly string[]> {
    return (await this.#tab.page.evaluate('site.record.whose')) as string[]
  }

  async differences(values: globalThis.Record<string, unknown>): Promise<readonly string[]> {
    const shown = (await this.#tab.page.evaluate(
      'Object.fromEntries([...document.querySelectorAll("[data-key]")].map(({ dataset, value }) => [dataset.key, value]))',
    )) as globalThis.Record<string, string>
    return Object.entries(values).flatMap(([key, value]) =>
      shown[key] === JSON.stringify(value)
        ? []
        : [`${this.name} shows ${key} ${shown[key]}, the server has ${JSON.stringify(value)}`],
    )
  }
}
