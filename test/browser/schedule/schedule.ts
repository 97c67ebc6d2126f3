import { pick, Random } from '../../simulation/random.js'
import { within } from '../../support/app/within.js'
import type { Outage } from '../../support/page/outage.js'
import type { Visitor } from '../../support/page/site-tab.js'
import type { Fault } from '../../support/servers/fault-proxy.js'
import { type End, judge } from './judge.js'
import { addAndLeave } from './leavings.js'
import { type NextWrite, Record } from './record.js'
import { ScheduledTab } from './scheduled-tab.js'

const FAULTS: readonly Fault[] = ['lose request', 'lose answer', 'hold request', 'hold answer', 'twice']
const PATHS = ['/', '/', '/plain']
const STEPS = 16
const MAX_TABS = 3
/** ms at the most between two steps. */
const PACE = 80

type Step = (tab: ScheduledTab) => Promise<void> | void

/** Runs random steps on a browser with tabs, sometimes a second browser, a server process and a network; a seed determines the steps. */
export class Schedule {
  readonly #random: Random
  readonly #outage: Outage
  readonly #visitors: readonly Visitor[]
  readonly #record: Record = new Record()
  readonly #tabs: ScheduledTab[] = []
  #isOnline = true

  private constructor(seed: number, outage: Outage, visitors: readonly Visitor[]) {
    this.#random = new Random(seed)
    this.#outage = outage
    this.#visitors = visitors
  }

  /** Runs a schedule, and returns its findings with the log. */
  static async run(seed: number, outage: Outage): Promise<readonly string[]> {
    const first = await outage.browse()
    const visitors = seed % 3 === 0 ? [first, await outage.browse()] : [first]
    const schedule = new Schedule(seed, outage, visitors)
    await schedule.#open()
    for (let step = 0; step < STEPS; step += 1) await schedule.#step()
    const findings = await schedule.#settle()
    return findings.length === 0 ? [] : [`seed ${seed}`, ...findings, ...schedule.#record.log]
  }

  /** The steps, each with its relative frequency. */
  readonly #steps: readonly (readonly [weight: number, step: Step])[] = [
    [12, (tab) => this.#set(tab)],
    [2, (tab) => this.#set(tab, [this.#nextWrite()[0]])],
    [6, () => this.#break()],
    [2, () => this.#release()],
    [1, () => this.#kill()],
    [3, () => this.#restart()],
    [1, () => this.#switch()],
    [1, () => this.#goOnline()],
    [2, () => this.#open()],
    [1, (tab) => this.#close(tab)],
    [1, (tab) => this.#setAndClose(tab)],
    [1, (tab) => this.#whenReachable(tab, 'is loaded again', () => tab.reload())],
    [1, (tab) => this.#whenReachable(tab, 'is left', () => tab.leave())],
    [2, (tab) => this.#whenReachable(tab, 'goes back', () => tab.comeBack())],
    [2, (tab) => this.#sign(tab, pick(['ann', 'bob'], this.#random.next()))],
    [1, (tab) => this.#sign(tab)],
    [8, (tab) => this.#addAndLeave(tab)],
  ]

  async #step(): Promise<void> {
    const open = this.#tabs.filter(({ isOpen }) => isOpen)
    const tab = pick(open, this.#random.next())
    let dice = this.#random.below(this.#steps.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, step] of this.#steps) {
      if (dice >= 0 && dice < weight && tab) await step(tab)
      dice -= weight
    }
    const ms = (this.#random.below(1000) / 1000) ** 2 * PACE
    await new Promise((resolve) => setTimeout(resolve, ms))
  }

  async #set(tab: ScheduledTab | undefined, [key, value] = this.#nextWrite()): Promise<void> {
    if (!tab || tab.isAway) return
    this.#record.note(`${tab.name} ${value === undefined ? 'deletes' : 'sets'} ${key} ${JSON.stringify(value) ?? ''}`)
    await tab.set(key, value)
  }

  #nextWrite(): NextWrite {
    // Where pages add items to the cart, no step sets the cart, because the final cart must have each item once.
    const dice = this.#random.below(this.#isAdding ? 4 : 6)
    return this.#record.nextWriteOf(dice < 3 ? 'division' : dice < 4 ? 'theme' : 'cart')
  }

  /** Whether pages add items: not in two browsers, because without a store the carts of a user's two browsers are not joined. */
  get #isAdding(): boolean {
    return this.#visitors.length === 1
  }

  async #addAndLeave(tab: ScheduledTab): Promise<void> {
    if (!this.#isAdding || !this.#isReachable() || tab.isAway) return
    await addAndLeave(tab, this.#random, this.#outage.network, this.#record)
    if (this.#tabs.every(({ isOpen }) => !isOpen)) await this.#open()
  }

  async #setAndClose(tab: ScheduledTab): Promise<void> {
    await this.#set(tab)
    await this.#close(tab)
  }

  #break(): void {
    const fault = pick(FAULTS, this.#random.next()) ?? 'twice'
    this.#record.note(`next POST: ${fault}`)
    this.#outage.network.break(fault)
  }

  #release(): void {
    this.#record.note('held POSTs go on')
    this.#outage.network.release()
  }

  async #kill(): Promise<void> {
    this.#record.note('server killed')
    this.#record.kills.push(Date.now())
    await this.#outage.server.kill()
  }

  async #restart(): Promise<void> {
    if (this.#outage.server.isUp) await this.#kill()
    this.#record.note('server started')
    await this.#outage.server.start()
  }

  #switch(): void {
    if (this.#isOnline) this.#goOffline()
    else this.#goOnline()
  }

  #goOffline(): void {
    this.#record.note('offline')
    this.#isOnline = false
    this.#outage.network.offline()
  }

  #goOnline(): void {
    this.#record.note('online')
    this.#isOnline = true
    this.#outage.network.online()
  }

  #isReachable(): boolean {
    return this.#isOnline && this.#outage.server.isUp
  }

  async #open(): Promise<void> {
    const path = pick(PATHS, this.#random.next()) ?? '/'
    const browser = this.#random.below(this.#visitors.length)
    const open = this.#tabs.filter(({ isOpen }) => isOpen)
    if (!this.#isReachable() || open.length === MAX_TABS) return
    await this.#openIn(browser, path)
  }

  async #openIn(browser: number, path: string): Promise<ScheduledTab> {
    const visitor = this.#visitors[browser]
    if (!visitor) throw new Error(`no browser ${browser}`)
    const name = `tab ${this.#tabs.length}`
    this.#record.note(`${name} opened at ${path} in browser ${browser}`)
    const tab = new ScheduledTab(name, browser, await visitor.open(path), path, this.#record)
    this.#tabs.push(tab)
    return tab
  }

  async #close(tab: ScheduledTab): Promise<void> {
    if (this.#tabs.filter(({ isOpen }) => isOpen).length < 2) return
    this.#record.note(`${tab.name} closed`)
    await tab.close()
  }

  async #whenReachable(tab: ScheduledTab, what: string, act: () => Promise<void>): Promise<void> {
    if (!this.#isReachable()) return
    this.#record.note(`${tab.name} ${what}`)
    await act()
  }

  async #sign(tab: ScheduledTab, user?: string): Promise<void> {
    if (!this.#isReachable() || tab.isAway) return
    this.#record.note(`${tab.name} signs ${user === undefined ? 'out' : `in as ${user}`}`)
    this.#record.identityChanges(tab.browser, user)
    await (user === undefined ? tab.post('/sign-out') : tab.post('/sign-in', `user=${user}`))
    this.#record.identityHasChanged()
  }

  /** Repairs the network and the server, waits until nothing is in flight, and judges the values. */
  async #settle(): Promise<readonly string[]> {
    this.#record.note('settling')
    const { network, server } = this.#outage
    network.release()
    this.#goOnline()
    await server.start()
    const open = this.#tabs.filter(({ isOpen }) => isOpen)
    const findings: string[] = []
    for (const tab of open) await tab.comeBack()
    // Unsaved changes of a closed page wait for the browser's next page.
    if (this.#isAdding) open.push(await this.#openIn(0, '/'))
    findings.push(...(await this.#compare(open)))
    // Another change exposes a tab of another subject, whose values may be equal by chance.
    for (const key of ['division', 'theme'] as const) await this.#set(open[0], this.#record.nextWriteOf(key))
    findings.push(...(await this.#compare(open)))
    const owners = new Map<number, readonly string[]>()
    for (const tab of open) owners.set(tab.browser, await tab.whose())
    for (const tab of open) await tab.harvest()
    for (const tab of open) await tab.close()
    await server.restart()
    const ends: End[] = []
    for (const [browser, whose] of owners) ends.push({ browser, whose, values: await this.#valuesOf(browser) })
    return [...findings, ...judge(this.#record, ends)]
  }

  /** The server's values of a browser's visitor. */
  async #valuesOf(browser: number): Promise<globalThis.Record<string, unknown>> {
    return (await this.#visitors[browser]?.values()) ?? {}
  }

  /** Finds tabs that do not come to rest, and values that differ from the server's. */
  async #compare(tabs: readonly ScheduledTab[]): Promise<readonly string[]> {
    const findings: string[] = []
    for (const tab of tabs) if (!(await tab.comesToRest())) findings.push(`${tab.name} does not come to rest`)
    const look = async (): Promise<readonly string[]> => {
      const differences: string[] = []
      for (const browser of this.#visitors.keys()) {
        const values = await this.#valuesOf(browser)
        for (const tab of tabs) if (tab.browser === browser) differences.push(...(await tab.differences(values)))
      }
      return differences
    }
    return [...findings, ...(await within(look, (differences) => differences.length === 0))]
  }
}
