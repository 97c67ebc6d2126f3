import type { Browser, Exchange } from './browser.js'
import { SERVER_ONLY, STORABLE, WRITABLE } from './builds.js'
import { pick } from './random.js'
import type { Action } from './routes.js'
import type { Step } from './schedule.js'
import type { Stage } from './stage.js'
import type { Tab } from './tab.js'
import { USERS } from './world.js'

export type Perform = (stage: Stage, browser: Browser, step: Step) => Promise<unknown>

export const tabOf = ({ tabs }: Browser, { which }: Step): Tab | undefined => pick(tabs, which)

export function onTab(act: (stage: Stage, tab: Tab, step: Step) => unknown): Perform {
  return async (stage, browser, step) => {
    const tab = tabOf(browser, step)
    if (tab) await act(stage, tab, step)
  }
}

export function onExchange(state: Exchange['state'], act: (stage: Stage, exchange: Exchange) => unknown): Perform {
  return async (stage, { exchanges }, { which }) => {
    const exchange = pick(
      exchanges.filter((one) => one.state === state),
      which,
    )
    if (exchange) await act(stage, exchange)
  }
}

export const userOf = ({ world }: Stage, { which }: Step): string => world.userId(pick(USERS, which))

export const writable = ({ world }: Stage): readonly string[] => (world.deployment.store ? STORABLE : WRITABLE)

export function keyOf({ world }: Stage, keys: readonly string[], { what }: Step): string {
  return (
    pick(
      keys.filter((key) => world.nodes.every((node) => node.isDeclared(key))),
      what,
    ) ?? 'division'
  )
}

export function freshValue({ world }: Stage, key: string, browser: number | undefined): number | readonly number[] {
  const tag = world.ledger.tag(key, browser)
  return key === 'cart' ? [tag] : tag
}

export function writing(stage: Stage, browser: Browser, step: Step): Action {
  const key = keyOf(stage, [...writable(stage), ...SERVER_ONLY], step)
  return { does: 'write', key, value: freshValue(stage, key, browser.index) }
}

export async function changeOne(stage: Stage, tab: Tab, step: Step): Promise<void> {
  const key = keyOf(stage, writable(stage), step)
  await stage.change(tab, key, freshValue(stage, key, tab.browser.index))
}
