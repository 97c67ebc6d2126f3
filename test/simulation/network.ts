import type { Browser, Exchange } from './browser.js'
import { pick } from './random.js'
import type { Step } from './schedule.js'
import type { Stage } from './stage.js'
import type { Tab } from './tab.js'
import { fireTimer, turn } from './time.js'

export type Perform = (stage: Stage, browser: Browser, step: Step) => Promise<unknown>

export const tabOf = ({ tabs }: Browser, { which }: Step): Tab | undefined => pick(tabs, which)
const exchangeOf = ({ exchanges }: Browser, state: Exchange['state'], { which }: Step): Exchange | undefined =>
  pick(
    exchanges.filter((exchange) => exchange.state === state),
    which,
  )

/** What the network does, or fails to do. */
export const NETWORK = {
  flow: (stage, browser) => stage.flow(browser),
  send: async (stage, browser, step) => {
    const exchange = exchangeOf(browser, 'waiting', step)
    if (exchange) await stage.leave(exchange)
  },
  finish: async (stage, browser, step) => {
    const exchange = exchangeOf(browser, 'running', step)
    if (exchange) await stage.finish(exchange)
  },
  arrive: async (stage, browser, step) => {
    const exchange = exchangeOf(browser, 'answered', step)
    if (exchange) await stage.arrive(exchange)
  },
  arriveTwice: async (stage, browser, step) => {
    const exchange = exchangeOf(browser, 'answered', step)
    if (exchange) await stage.arrive(exchange, false)
  },
  lose: async (_, { exchanges }, step) => {
    await pick(
      exchanges.filter(({ state }) => state === 'answered' || state === 'waiting'),
      step.which,
    )?.lose()
  },
  toTab: async (stage, browser, step) => {
    const tab = tabOf(browser, step)
    if (tab) await stage.toTab(tab)
  },
  toServer: async (stage, browser, step) => {
    const tab = tabOf(browser, step)
    if (tab) await stage.toServer(tab)
  },
  shakeHands: async (stage, browser, step) => {
    const tab = tabOf(browser, step)
    if (tab) await stage.shakeHands(tab)
  },
  tell: async (stage, browser, step) => {
    const tab = tabOf(browser, step)
    if (tab) await stage.tell(tab)
  },
  breakConnection: async (_, browser, step) => {
    const socket = tabOf(browser, step)?.socket
    if (socket?.wire) socket.drop()
    await turn()
  },
  fallSilent: async (_, browser, step) => {
    tabOf(browser, step)?.socket.die()
    await turn()
  },
  timer: async () => {
    fireTimer()
    await turn()
  },
} satisfies Readonly<Record<string, Perform>>
