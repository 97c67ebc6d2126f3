import { emptyCache } from 'koa-live-session/testing'
import { subjectHash, userSubject } from '../../server/identity/subject.js'
import { userOf, writing } from './choices.js'
import { type Perform, tabOf } from './network.js'
import { pick } from './random.js'
import type { Action } from './routes.js'
import type { Stage } from './stage.js'
import { moveServerClock, serverClock, turn } from './time.js'

const SECOND = 1000
const MINUTE = 60 * SECOND
const DAY = 24 * 60 * MINUTE
const LEAPS = [1, SECOND, MINUTE, 11 * MINUTE, 60 * MINUTE, -1, -SECOND, -5 * MINUTE, -60 * MINUTE, 17 * DAY]
/** Cookies are good for 31 days, and so is what servers remember of them. */
const LATEST = serverClock.at + 20 * DAY

async function forget({ world }: Stage): Promise<void> {
  emptyCache(world.node.process.live)
  world.node.knowledge.evict(new Set())
  await turn()
}

function evict({ world }: Stage): void {
  world.node.process.core.subjects.clear()
  world.node.knowledge.evict(world.held())
}

async function revoke(stage: Stage, user: string): Promise<void> {
  await stage.world.node.process.live.revoke(user)
  revoked(stage, user)
  await turn()
}

async function erase(stage: Stage, user: string): Promise<void> {
  const { ledger, node } = stage.world
  const sub = stage.world.subOf(user)
  await node.process.live.erase(user)
  const isNewest = revoked(stage, user)
  node.knowledge.erase(sub)
  if (isNewest) ledger.erase(sub)
  await turn()
}

/** Says whether the epoch is newer than any before: a process that has just begun, on a clock that runs behind, cannot know. */
function revoked({ world }: Stage, user: string): boolean {
  const { process, knowledge } = world.node
  const sub = world.subOf(user)
  const epoch = process.core.epochs.of(subjectHash(userSubject(user)))
  knowledge.revoke(sub, epoch)
  for (const tab of world.browsers.flatMap(({ tabs }) => tabs)) {
    const { wire } = tab.socket
    if (wire?.isOpen && wire.subs.includes(sub)) world.fail(`a socket of ${user}, who was revoked, stays open`)
  }
  return world.beginsEpoch(sub, epoch)
}

export async function restart({ world }: Stage, build = world.node.build, rotation = world.rotation): Promise<void> {
  world.restart(build, rotation)
  for (const { exchanges } of world.browsers) {
    for (const exchange of exchanges) if (exchange.state === 'lost') await exchange.lose()
  }
}

/** What happens to the server, or by itself. */
export const SERVER = {
  restart: (stage) => restart(stage),
  deploy: (stage) => restart(stage, stage.world.node.build === 'one' ? 'two' : 'one'),
  rotate: (stage) => restart(stage, undefined, Math.min(2, stage.world.rotation + 1)),
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
    if (user !== undefined) await (what % 2 === 0 ? revoke : erase)(stage, user)
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
  clock: async ({ world }, _browser, { which }) => {
    moveServerClock(pick(LEAPS, which) ?? 0, LATEST)
    world.node.knowledge.age()
  },
  job: async (stage, _, step) => {
    const { world } = stage
    const key = step.what % 2 === 0 ? 'division' : 'role'
    const value = world.ledger.tag(key, undefined)
    const user = await world.node.process.live.user(userOf(stage, step))
    const { stamp } = await user.set(key as never, value as never)
    const sub = world.subOf(userOf(stage, step))
    world.ledger.assign(value, sub, stamp)
    world.node.knowledge.learn(sub, key, { stamp, value })
    await turn()
  },
  push: async (stage, browser, step) => {
    const tab = tabOf(browser, step)
    const wire = tab?.socket.wire
    if (!tab || !wire?.isOpen) return
    const key = pick(['role', 'division', 'theme'], step.what) ?? 'role'
    const value = stage.world.ledger.tag(key, browser.index)
    // A handler may go on after the server has ended its connection, which no page hears at once.
    const isOver = wire.isClosedByServer
    const written = await wire.handle.liveSession?.set(key, value).catch((error: unknown) => {
      if (!isOver) throw error
      return undefined
    })
    if (written) stage.pushed(tab, key, value, written.stamp)
    await turn()
  },
  revoke: (stage, _, step) => revoke(stage, userOf(stage, step)),
  eraseUser: (stage, _, step) => erase(stage, userOf(stage, step)),
} satisfies Readonly<Record<string, Perform>>
