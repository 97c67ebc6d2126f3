import type { ComparedApp } from './app.js'
import type { JsdomTab } from './jsdom-tab.js'

export interface Clicked {
  readonly clicks: number
  /** Lost clicks so far. */
  readonly lost: number
  readonly chosen: string
  /** The region on the next page. */
  readonly kept: string
  readonly status: string
}

/** A guest's clicks in a compared app. */
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

  /** Chooses another region. @param isKilled restarts the process before the page's POST arrives */
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
