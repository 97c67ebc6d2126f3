import type Koa from 'koa'
import { emptyCache } from 'koa-live-session/testing'
import { Random } from '../simulation/random.js'
import { App } from './app.js'
import type { Page } from './page.js'
import type { Visitor } from './visitor.js'
import { turn } from './within.js'

const DEFAULTS = { division: -1, theme: 'light', cart: [] } as const
type Key = keyof typeof DEFAULTS
const KEYS: readonly Key[] = ['division', 'theme', 'cart']
/** Limit for what never happens, in ms of real time: the tests let `Date.now` run ahead of it. */
const PATIENCE = 60_000

/** A change of one tab, and its outcome; times are counted in events. */
interface Write {
  readonly tab: Tab
  readonly key: Key
  /** The text that is read if this write wins. */
  readonly text: string
  readonly began: number
  ended: number
  outcome: string
}

interface Tab {
  readonly page: Page
  /** What happens to the next POST. */
  fault: 'none' | 'cut' | 'answer lost' | 'held' | 'twice'
  isOpen: boolean
}

const routes: Koa.Middleware = (ctx) => {
  ctx.body = ctx.liveSession.snapshot()
}

/** One browser, some tabs, a server, and a network that fails as a seed determines. */
export class Schedule {
  readonly log: string[] = []
  readonly #random: () => number
  readonly #tabs: Tab[] = []
  readonly #writes: Write[] = []
  #held: (() => void)[] = []
  #app: App
  #isUp = true
  readonly #visitor: Visitor
  #events = 0

  private constructor(seed: number, app: App) {
    const random = new Random(seed)
    this.#random = () => random.next() / 2 ** 32
    this.#app = app
    this.#visitor = app.visitor()
  }

  /** Runs a schedule, and returns what it found broken. */
  static async run(seed: number, steps = 14): Promise<readonly string[]> {
    const schedule = new Schedule(seed, await App.start({ routes }))
    await schedule.#open()
    for (let step = 0; step < steps; step += 1) await schedule.#step()
    const findings = await schedule.#settle()
    return findings.length === 0 ? [] : [`seed ${seed}`, ...findings, ...schedule.log]
  }

  async #step(): Promise<void> {
    this.#app.clock.advance(1 + Math.floor(this.#random() * 5))
    const tabs = this.#tabs.filter((one) => one.isOpen)
    const tab = tabs[Math.floor(this.#random() * tabs.length)]
    const dice = Math.floor(this.#random() * 32)
    if (!tab) await this.#open()
    else if (dice < 12) this.#set(tab)
    else if (dice < 18)
      this.#break(tab, (['cut', 'answer lost', 'held', 'twice', 'cut', 'answer lost'] as const)[dice - 12])
    else if (dice < 20) this.#release()
    else if (dice < 22) this.#note('engine closes', tab).page.socket?.io.engine?.close()
    else if (dice < 23) this.#note('goes offline', tab).page.socket?.disconnect()
    else if (dice < 25) this.#connect(this.#note('goes online', tab))
    else if (dice < 26) await (this.#isUp ? this.#kill() : this.#restart())
    else if (dice < 28) await this.#restart()
    else if (dice < 29) this.#empty()
    else if (dice < 31) await this.#open()
    else this.#close(tab)
    for (let turns = Math.floor(this.#random() ** 2 * 12); turns > 0; turns -= 1) await turn()
  }

  #set(tab: Tab): void {
    const key = KEYS[Math.floor(this.#random() ** 2 * 3)] ?? 'division'
    const number = this.#writes.length + 1
    const value = { division: number, theme: number % 2 ? 'light' : 'dark', cart: [String(number)] }[key]
    const isDeletion = this.#random() < 0.15
    const text = JSON.stringify(isDeletion ? DEFAULTS[key] : value)
    const write: Write = { tab, key, text, began: this.#events++, ended: Number.POSITIVE_INFINITY, outcome: 'pending' }
    this.#writes.push(write)
    this.#note(`${isDeletion ? 'deletes' : 'sets'} ${key} ${text}`, tab)
    const end = (outcome: string): void => {
      write.outcome = outcome
      write.ended = this.#events++
      this.#note(`${key} ${text}: ${outcome}`, tab)
    }
    const saved = isDeletion ? tab.page.live.delete(key) : tab.page.live.set(key, value as never)
    saved.then(
      () => end('saved'),
      ({ code }) => end(code),
    )
  }

  #break(tab: Tab, fault: Tab['fault'] = 'none'): void {
    this.#note(`next POST: ${fault}`, tab).fault = fault
  }

  #release(): void {
    for (const go of this.#held.splice(0)) go()
  }

  #connect({ page }: Tab): void {
    const { cookie, url } = this.#visitor
    if (!page.socket?.connected) Object.assign(page.socket?.io.opts ?? {}, { extraHeaders: { cookie, origin: url } })
    page.socket?.connect()
  }

  #empty(): void {
    this.log.push('cache emptied')
    if (this.#isUp) emptyCache(this.#app.live)
  }

  async #kill(): Promise<void> {
    this.log.push('server killed')
    this.#isUp = false
    await this.#app.stop({ isCrash: true })
  }

  async #restart(): Promise<void> {
    if (this.#isUp) await this.#kill()
    this.log.push('server started')
    const port = Number(new URL(this.#visitor.url).port)
    this.#app = await App.start({ routes, port, clock: this.#app.clock })
    this.#isUp = true
  }

  async #open(): Promise<void> {
    if (!this.#isUp || this.#tabs.length === 3) return
    await this.#read()
    const tab: Tab = { page: await this.#visitor.open({ path: '/' }), fault: 'none', isOpen: true }
    this.#tabs.push(tab)
    this.#note('opened', tab)
    const { post } = tab.page
    tab.page.post = async (input, init) => {
      const { fault } = tab
      tab.fault = 'none'
      this.#note(`POSTs ${init?.body?.toString().length} (${fault})`, tab)
      if (fault === 'held') await new Promise<void>((resolve) => this.#held.push(resolve))
      if (fault === 'cut') throw new TypeError('fetch failed')
      if (fault === 'twice') await post.call(tab.page, input, init)
      const answer = await post.call(tab.page, input, init)
      if (fault === 'answer lost') throw new TypeError('connection reset')
      return answer
    }
  }

  #close(tab: Tab): void {
    if (this.#tabs.filter((one) => one.isOpen).length < 2) return
    this.#note('closed', tab).isOpen = false
    tab.page.close()
  }

  /** Repairs everything, waits until nothing is in flight, and checks the result. */
  async #settle(): Promise<readonly string[]> {
    this.log.push('settling')
    if (!this.#isUp) await this.#restart()
    this.#release()
    const open = this.#tabs.filter((tab) => tab.isOpen)
    for (const tab of open) {
      tab.fault = 'none'
      this.#connect(tab)
    }
    await within(() => this.#writes.every(({ tab, outcome }) => !tab.isOpen || outcome !== 'pending'))
    const findings = this.#writes.flatMap(({ tab, key, text, outcome }) =>
      tab.isOpen && !['saved', 'superseded'].includes(outcome) ? [`${key} ${text} is ${outcome}`] : [],
    )
    if (this.#tabs.length === 1 && this.#writes.some(({ outcome }) => outcome === 'superseded'))
      findings.push('the only tab is superseded')
    let values = await this.#read()
    const agree = (): boolean =>
      open.every(({ page }) => KEYS.every((key) => JSON.stringify(page.live.get(key)) === values[key]))
    if (!(await within(agree))) {
      values = await this.#read()
      for (const { page } of open)
        for (const key of KEYS) {
          const shown = JSON.stringify(page.live.get(key))
          if (shown !== values[key]) findings.push(`a tab shows ${key} ${shown}, the server has ${values[key]}`)
        }
    }
    for (const { page } of this.#tabs) page.close()
    await this.#restart()
    values = await this.#read()
    for (const key of KEYS) {
      const allowed = this.#allowed(key)
      if (!allowed.includes(values[key])) findings.push(`${key} is ${values[key]} in the end, not one of ${allowed}`)
    }
    return findings
  }

  async #read(): Promise<Record<Key, string>> {
    // A keep-alive connection may still be that of a killed server.
    const answer = await this.#visitor.fetch('/').catch(() => this.#visitor.fetch('/'))
    const { values } = await answer.json()
    return Object.fromEntries(KEYS.map((key) => [key, JSON.stringify(values[key])])) as Record<Key, string>
  }

  /** Returns the values allowed at the end: those of writes with no later saved change, in the same tab or after their own end. */
  #allowed(key: Key): readonly string[] {
    const writes = this.#writes.filter((write) => write.key === key)
    const saved = writes.filter(({ outcome }) => outcome === 'saved')
    const last = writes.filter((write) => {
      if (write.outcome !== 'saved' && write.outcome !== 'pending') return false
      return !saved.some(({ tab, began }) => began > (tab === write.tab ? write.began : write.ended))
    })
    return [...(saved.length === 0 ? [JSON.stringify(DEFAULTS[key])] : []), ...last.map(({ text }) => text)]
  }

  #note(text: string, tab: Tab): Tab {
    this.log.push(`tab ${this.#tabs.indexOf(tab)} ${text}`)
    return tab
  }
}

/** Waits for a limited time until a condition is true. */
async function within(isSo: () => boolean): Promise<boolean> {
  const end = performance.now() + PATIENCE
  while (!isSo() && performance.now() < end) await turn()
  return isSo()
}
