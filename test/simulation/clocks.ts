import type { Browser } from './browser.js'
import { ADDED_TO, STORED } from './builds.js'
import { freshValue } from './choices.js'
import type { Perform } from './network.js'
import { pick, Random } from './random.js'
import type { ServerNode } from './server-node.js'
import { eraseUser, job } from './server-steps.js'
import type { Weather } from './shared-store.js'
import type { Stage } from './stage.js'
import type { Tab } from './tab.js'
import { fireTimer, turn } from './time.js'

const WEATHERS: readonly [Weather, ...Weather[]] = ['slow', 'slow', 'slow', 'fair', 'foul']
/** What jobs write: few, so that one write goes over another. */
const KEYS: readonly [string, ...string[]] = ['division', 'role']
/** What pages change: what no cookie brings to a process, and what is computed. */
const CHANGED: readonly [string, ...string[]] = [STORED, ADDED_TO]

/** What nodes do whose clocks differ. */
export const CLOCKS = {
  // What a clock that is ahead has dated is on its way to the store as its user is erased; what is written then has earlier stamps.
  eraseMeanwhile: async (stage, _browser, { which, what }) => {
    const random = new Random(which ^ what)
    const { world } = stage
    const { deployment, nodes } = world
    const { store } = deployment
    await calm(stage)
    const user = world.userId('ann')
    const key = pick(KEYS, random.next())
    const write = async (node: ServerNode): Promise<void> => {
      void job(world, node, user, key, world.ledger.tag(key, undefined))
      await turn()
    }
    const [slowest, ...others] = nodes.toSorted((one, other) => one.now() - other.now())
    const behind = random.below(4) > 0 && slowest ? slowest : deployment.node(random.next())
    // What is under way stays so for longest, or for as long as chance has it.
    const isNewestFirst = random.below(3) > 0
    await write(pick(others, random.next()) ?? behind)
    await write(behind)
    if (store) store.weather = pick(WEATHERS, random.next())
    await write(behind)
    await some(stage, random, 3, isNewestFirst)
    world.aim(random.next())
    await eraseUser(stage, user)
    await some(stage, random, 8, isNewestFirst)
    await write(behind)
    await some(stage, random, 6, isNewestFirst)
    if (store && random.below(2) === 0) store.weather = 'fair'
    await turn()
  },
  // What a page has seen at one node it changes at another, which knows an older write, and whose clock is behind that, too.
  changeBehind: async (stage, browser, { which, what }) => {
    const random = new Random(which ^ what)
    const { bus } = stage.world.deployment
    await calm(stage)
    const key = pick(CHANGED, random.next())
    for (let times = 2 + random.below(3); times > 0; times -= 1) {
      const tab = await tabElsewhere(stage, browser, random)
      if (tab && key === ADDED_TO) await stage.add(tab)
      else if (tab) await stage.change(tab, key, freshValue(stage, key, browser.index))
      // Without locks two pages may each make a change that neither has sent.
      if (key === ADDED_TO || random.below(4) > 0) await stage.flow(browser)
      if (bus && random.below(2) === 0) bus.isHeld = true
    }
  },
} satisfies Readonly<Record<string, Perform>>

/** What one of them has left on its way is not what the next is about. */
async function calm({ world }: Stage): Promise<void> {
  if (world.deployment.store) world.deployment.store.weather = 'fair'
  await turn()
}

/** A page of the browser, often one that has come to another node. */
export async function tabElsewhere(stage: Stage, browser: Browser, random: Random): Promise<Tab | undefined> {
  stage.world.aim(random.next())
  if (random.below(3) === 0) await stage.load(browser, 'connected')
  const tab = pick(
    browser.tabs.filter(({ isHidden }) => !isHidden),
    random.next(),
  )
  if (tab?.socket.wire && random.below(2) === 0) tab.socket.drop()
  await stage.flow(browser)
  return tab
}

/** So many things that are under way, at the most, get on by one step each. */
async function some(stage: Stage, random: Random, limit: number, isNewestFirst: boolean): Promise<void> {
  const { deployment } = stage.world
  const { bus, store } = deployment
  for (let times = random.below(limit); times > 0 && stage.world.violation === undefined; times -= 1) {
    const kind = random.below(8)
    const mail = kind === 0 ? bus?.take(random.next()) : undefined
    if (mail) deployment.deliver(mail)
    else if (kind === 1) fireTimer()
    else await store?.answer(isNewestFirst ? store.asked - 1 : random.next())
    await turn()
    stage.observe()
  }
}
