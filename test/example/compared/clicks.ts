import type { ComparedApp } from './app.js'
import type { JsdomTab } from './jsdom-tab.js'

/** What is seen after a click. */
export interface Clicked {
  /** How many clicks there were. */
  readonly clicks: number
  /** How many of them are gone. */
  readonly lost: number
  /** The region that was clicked. */
  readonly chosen: string
  /** The region in the next page. */
  readonly kept: string
  /** What the page said of the click. */
  readonly status: string
}

/** A guest's clicks in one of the compared apps. */
export class ComparedClicks {
  readonly #app: ComparedApp
  readonly #tab: JsdomTab
  #clicks = 0
  #lost = 0
  #kept = ''

  private constructor(app: ComparedApp, tab: JsdomTab) {
    this.#app = app
    this.#tab = tab
  }

  static async begin(app: ComparedApp): Promise<ComparedClicks> {
    return new ComparedClicks(app, await app.browser().open())
  }

  get lost(): number {
    return this.#lost
  }

  /** Chooses another region than the one that is kept. @param isKilled whether the process is killed before the page's POST arrives, and started again */
  async click(isKilled: boolean): Promise<Clicked> {
    const tab = this.#tab
    this.#clicks += 1
    const chosen = this.#kept === 'north' ? 'south' : 'north'
    if (isKilled) tab.network.break('hold request')
    tab.choose({ region: chosen })
    if (isKilled) {
      await tab.network.met()
      tab.network.offline()
      await this.#app.restart(0)
      tab.network.online()
    }
    await tab.until(({ status }) => /saved$/.test(status))
    const { region: kept = '' } = await tab.next()
    this.#kept = kept
    if (kept !== chosen) this.#lost += 1
    return { clicks: this.#clicks, lost: this.#lost, chosen, kept, status: tab.status }
  }
}
