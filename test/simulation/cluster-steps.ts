import type { Mail } from './bus.js'
import type { Perform } from './network.js'
import type { Stage } from './stage.js'
import { note } from './tally.js'
import { fireIntervals, moveServerClock, turn } from './time.js'

/** Longer than what was loaded stays fresh. */
const REFRESH = 61_000

async function deliver({ world }: Stage, mail: Mail | undefined): Promise<void> {
  if (mail) world.deployment.deliver(mail)
  await turn()
}

/** The store loads anew what it holds for long. */
export async function refresh(): Promise<void> {
  moveServerClock(REFRESH, Number.POSITIVE_INFINITY)
  fireIntervals()
  await turn()
}

/** What the store does, and what becomes of what nodes tell each other. */
export const CLUSTER = {
  storeFails: async ({ world }) => {
    if (world.deployment.store) world.deployment.store.weather = 'foul'
  },
  storeSlows: async ({ world }) => {
    if (world.deployment.store) world.deployment.store.weather = 'slow'
  },
  storeIsBack: async ({ world }) => {
    if (world.deployment.store) world.deployment.store.weather = 'fair'
    await turn()
  },
  storeAnswers: async ({ world }, _browser, { what }) => {
    await world.deployment.store?.answer(what)
    await turn()
  },
  storeRefuses: async ({ world }, _browser, { which, what }) => {
    await world.deployment.store?.refuse(which, what % 2 === 0)
    await turn()
  },
  refresh: () => refresh(),

  holdNews: async ({ world }) => {
    const { bus } = world.deployment
    if (bus) bus.isHeld = !bus.isHeld
    await turn()
  },
  hear: (stage, _browser, { what }) => deliver(stage, stage.world.deployment.bus?.take(what)),
  hearTwice: (stage, _browser, { what }) => {
    note('a word between nodes comes twice')
    return deliver(stage, stage.world.deployment.bus?.take(what, true))
  },
  loseNews: async ({ world }, _browser, { what }) => world.deployment.bus?.lose(what),
  cutOff: async ({ world }) => world.deployment.bus?.cut(world.node.index),
} satisfies Readonly<Record<string, Perform>>
