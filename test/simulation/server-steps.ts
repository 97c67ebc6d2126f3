import { emptyCache } from 'koa-live-session/testing'
import type { Mail } from './bus.js'
import { type Perform, tabOf, userOf, writing } from './choices.js'
import type { ServerNode } from './deployment.js'
import { pick } from './random.js'
import type { Action } from './routes.js'
import type { Stage } from './stage.js'
import { note } from './tally.js'
import { fireIntervals, moveServerClock, serverClock, turn } from './time.js'
import type { World } from './world.js'

const SECOND = 1000
const MINUTE = 60 * SECOND
const DAY = 24 * 60 * MINUTE
const LEAPS = [1, SECOND, MINUTE, 11 * MINUTE, 60 * MINUTE, -1, -SECOND, -5 * MINUTE, -60 * MINUTE, 17 * DAY]
/** Cookies are valid for 31 days. */
const LATEST = serverClock.at + 20 * DAY

async function forget({ world }: Stage): Promise<void> {
  emptyCache(world.node.process.live)
  world.node.evict(new Set())
  await turn()
}

function evict({ world }: Stage): void {
  world.node.process.core.memory.clear()
  world.node.evict(world.held(world.node))
}

async function revoke(stage: Stage, user: string): Promise<void> {
  await end(stage, user, (live) => live.revoke(user))
}

export async function eraseUser(stage: Stage, user: string): Promise<void> {
  await end(stage, user, (live) => live.erase(user))
}

/** Revokes or erases a user. Fails if the server does not, unless the store is slow. */
async function end(
  { world }: Stage,
  user: string,
  act: (live: ServerNode['process']['live']) => Promise<void>,
): Promise<void> {
  const { ends } = world.duties
  world.duties.revokes(world.node, world.subOf(user))
  void act(world.node.process.live)
  await turn()
  if (world.duties.ends === ends && world.deployment.store?.weather !== 'slow') world.fail('revokes nothing')
}

/** A job of the app, which may wait for the store. */
export async function job(world: World, node: ServerNode, userId: string, key: string, value: number): Promise<void> {
  const user = await node.process.live.user(userId)
  if (node.isOver) return
  const written = user.set(key as never, value as never)
  const sub = world.subOf(userId)
  const stamp = user.inspect().get(key as never)?.stamp ?? 0
  world.duties.wrote(node, sub, key, { stamp, value })
  const { level } = await written
  if (!node.isOver) world.duties.acknowledged(node, sub, key, { stamp, value }, level)
}

export async function restart({ world }: Stage, build = world.node.build): Promise<void> {
  world.restart(world.node, build)
  await loseExchanges(world)
}

async function rotate({ world }: Stage): Promise<void> {
  world.rotate()
  await loseExchanges(world)
}

async function loseExchanges(world: World): Promise<void> {
  for (const { exchanges } of world.browsers) {
    for (const exchange of exchanges) if (exchange.state === 'lost') await exchange.lose()
  }
}

export const SERVER = {
  restart: (stage) => restart(stage),
  deploy: (stage) => restart(stage, stage.world.node.build === 'one' ? 'two' : 'one'),
  rotate: (stage) => rotate(stage),
  evict: async (stage) => evict(stage),
  emptyCache: (stage) => forget(stage),
  forgetMeanwhile: async (stage, browser, { what }) => {
    const last: Action = { does: what % 2 === 0 ? 'identify' : 'read' }
    const exchange = await stage.request(browser, [{ does: 'read' }, { does: 'wait' }, last])
    await forget(stage)
    await stage.finish(exchange)
  },
  signInMeanwhile: async (stage, browser, step) => {
    const write = writing(stage, browser, step)
    const exchange = await stage.request(browser, [{ does: 'use' }, { does: 'wait' }, write])
    await stage.request(browser, [{ does: 'signIn', user: userOf(stage, step) }, { does: 'identify' }])
    await stage.finish(exchange)
  },
  revokeMeanwhile: async (stage, browser, { what }) => {
    const exchange = await stage.request(browser, [{ does: 'read' }, { does: 'wait' }, { does: 'read' }])
    const { user } = exchange
    if (user !== undefined) await (what % 2 === 0 ? revoke : eraseUser)(stage, user)
    await stage.finish(exchange)
  },
  forgetInHandshake: async (stage, browser, step) => {
    const tab = tabOf(browser, step)
    if (!tab) return
    if (tab.socket.state === 'on') tab.socket.drop()
    if (tab.socket.state === 'connecting') await stage.shakeHands(tab)
    evict(stage)
    await stage.shakeHands(tab)
  },
  clock: async (_, _browser, { which }) => moveServerClock(pick(LEAPS, which) ?? 0, LATEST),
  job: async (stage, _, step) => {
    const { world } = stage
    const key = step.what % 2 === 0 ? 'division' : 'role'
    const value = world.ledger.tag(key, undefined)
    void job(world, world.node, userOf(stage, step), key, value)
    await turn()
  },
  push: async (stage, browser, step) => {
    const tab = tabOf(browser, step)
    const wire = tab?.socket.wire
    if (!tab || !wire?.isOpen) return
    const key = pick(['role', 'division', 'theme'], step.what) ?? 'role'
    const value = stage.world.ledger.tag(key, browser.index)
    const { liveSession } = wire.handle
    const written = liveSession?.set(key, value)
    // A handler may continue after the server has closed its connection.
    if (wire.isClosedByServer) return void written?.catch(() => undefined)
    // Without an adapter, only the store reveals a revocation at another node, so the write is refused later, as
    // documented.
    if (!stage.world.deployment.bus)
      written?.catch((error) => {
        if (error.code !== 'superseded') stage.world.fail(`reports ${error}`)
      })
    const stamp = liveSession?.inspect().get(key)?.stamp
    if (written && stamp !== undefined) stage.pushed(tab, key, value, stamp)
    await turn()
  },
  revoke: (stage, _, step) => revoke(stage, userOf(stage, step)),
  eraseUser: (stage, _, step) => eraseUser(stage, userOf(stage, step)),
} satisfies Readonly<Record<string, Perform>>

/** ms, longer than `storeRefresh`. */
const REFRESH = 61_000

async function deliver({ world }: Stage, mail: Mail | undefined): Promise<void> {
  if (mail) world.deployment.deliver(mail)
  await turn()
}

export async function refresh(): Promise<void> {
  moveServerClock(REFRESH, Number.POSITIVE_INFINITY)
  fireIntervals()
  await turn()
}

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
