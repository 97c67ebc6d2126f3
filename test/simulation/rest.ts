import type { Browser } from './browser.js'
import { refresh } from './cluster-steps.js'
import { differenceOf } from './difference.js'
import { type Expectation, expect, lossOf } from './expectation.js'
import type { Registers } from './registers.js'
import type { ServerNode } from './server-node.js'
import type { Stage } from './stage.js'
import type { Tab } from './tab.js'
import type { Violation } from './tally.js'
import { fireTimer, pendingTimers, turn } from './time.js'

/** In one a revoked cookie comes to its end, and in the next two the new one brings each node what the others have: then all have it. */
const ROUNDS = 4
const MAX_MOVES = 200

/** What a browser has read last, at each node. */
export interface Reading {
  readonly user: string | undefined
  readonly found: ReadonlyMap<ServerNode, Registers>
}

/** Everything gets where it was going, and every browser makes requests; then all places must agree, and nothing be lost. */
export async function comeToRest(stage: Stage): Promise<void> {
  const { world } = stage
  const { bus, durability, store } = world.deployment
  bus?.heal()
  if (store) store.weather = 'fair'
  await turn()
  for (const browser of world.browsers) await stage.flow(browser)
  if (store) await settle(stage)
  await endSilence(stage)
  // What a page has left in its browser the next one brings.
  for (const browser of world.browsers)
    if (world.isCalm || browser.tabs.length === 0) await stage.load(browser, 'connected')
  for (const browser of world.browsers) await stage.flow(browser)
  const expectations = world.browsers.map((browser) => expect(stage, browser))
  for (let round = 0; round < ROUNDS && world.violation === undefined; round += 1) {
    if (store) await refresh()
    const readings = new Map<Browser, Reading>()
    for (const browser of world.browsers) readings.set(browser, await visit(stage, browser))
    for (const browser of world.browsers) browser.isDisturbed = false
    await settle(stage)
    if (world.violation !== undefined) return
    const wrong = objection(stage, expectations, readings)
    if (wrong === undefined) break
    if (round === ROUNDS - 1) world.fail(wrong.what, wrong.harm, wrong.page)
  }
  const fault = durability?.fault()
  if (fault !== undefined) world.fail(fault, 'lost')
}

/** A page that asks over a dead connection gives that up by itself; of the others the heartbeats of engine.io find out. */
async function endSilence(stage: Stage): Promise<void> {
  const dead = (): readonly Tab[] =>
    stage.world.browsers.flatMap(({ tabs }) => tabs.filter(({ socket }) => socket.wire?.isDead))
  if (dead().length === 0) return
  await settle(stage)
  for (const { socket } of dead()) socket.drop()
  for (const browser of stage.world.browsers) await stage.flow(browser)
}

/** A browser makes a request at each node, and its pages come back. */
async function visit(stage: Stage, browser: Browser): Promise<Reading> {
  const { world } = stage
  const found = new Map<ServerNode, Registers>()
  let user: string | undefined
  for (const node of world.nodes) {
    world.aim(node.index)
    const page = await stage.request(browser, [{ does: 'page' }], (registers) => found.set(node, registers))
    user = page.user
    await stage.flow(browser)
    await askAnew(stage, browser)
  }
  for (const tab of browser.tabs) {
    if (tab.link === 'none') tab.hide()
    if (tab.isHidden) tab.show()
    if (browser.isDisturbed && tab.socket.wire) tab.socket.drop()
    if (tab.link !== 'none') tab.socket.connect()
  }
  return { user, found }
}

/** HTML brings no cookie in place of one that was given up: a question of a page does, where there is a page. */
async function askAnew(stage: Stage, browser: Browser): Promise<void> {
  const { world } = stage
  const cookie = world.cookie(browser.cookies)
  const isAsked = world.nodes.length === 1 && browser.tabs.length > 0
  if (isAsked || !cookie || world.node.knowledge.isGood(cookie)) return
  await stage.leave(browser.send({ method: 'POST', url: '/store_session', body: '{}' }))
  await stage.flow(browser)
}

function objection(
  stage: Stage,
  expectations: readonly Expectation[],
  readings: ReadonlyMap<Browser, Reading>,
): Violation | undefined {
  for (const expectation of expectations) {
    const loss = lossOf(stage, expectation, readings.get(expectation.browser))
    if (loss !== undefined) return { harm: 'lost', what: loss }
  }
  for (const browser of stage.world.browsers) {
    const difference = differenceOf(stage, browser, readings)
    if (difference !== undefined) return difference
  }
  return undefined
}

async function settle(stage: Stage): Promise<void> {
  const { world } = stage
  for (let moves = 0; moves < MAX_MOVES; moves += 1) {
    let isMoving = false
    for (const browser of world.browsers) if (await stage.flow(browser)) isMoving = true
    if (world.violation !== undefined) return
    if (!isMoving && pendingTimers() === 0) return
    if (!isMoving) {
      fireTimer()
      await turn()
      stage.observe()
    }
  }
  world.fail('pages never stop asking')
}
