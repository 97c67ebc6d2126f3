import { emptyCache } from 'koa-live-session/testing'
import type { TicketClaims } from '../../shared/protocol.js'
import type { Browser } from './browser.js'
import { builds, SERVER_ONLY, WRITABLE } from './builds.js'
import { forgeCookie, forgeTicket } from './forgery.js'
import { NETWORK, type Perform, tabOf } from './network.js'
import { pick } from './random.js'
import { readClaims } from './registers.js'
import type { Action } from './routes.js'
import type { Kind, Step } from './schedule.js'
import type { Stage } from './stage.js'
import { serverClock, turn } from './time.js'
import { USERS } from './world.js'

const SECOND = 1000
const MINUTE = 60 * SECOND
const DAY = 24 * 60 * MINUTE
const LEAPS = [1, SECOND, MINUTE, 11 * MINUTE, 60 * MINUTE, -1, -SECOND, -5 * MINUTE, -60 * MINUTE, 17 * DAY]
/** Cookies are good for 31 days, and so is what servers remember of them. */
const LATEST = serverClock.at + 20 * DAY

const userOf = ({ world }: Stage, { which }: Step): string => world.userId(pick(USERS, which) ?? '')

function keyOf({ world }: Stage, keys: readonly string[], { what }: Step): string {
  return (
    pick(
      keys.filter((key) => key in builds[world.process.build]),
      what,
    ) ?? 'division'
  )
}

function freshValue({ world }: Stage, key: string, browser: number | undefined): number | readonly number[] {
  const tag = world.ledger.tag(key, browser)
  return key === 'cart' ? [tag] : tag
}

function writing(stage: Stage, browser: Browser, step: Step): Action {
  const key = keyOf(stage, [...WRITABLE, ...SERVER_ONLY], step)
  return { does: 'write', key, value: freshValue(stage, key, browser.index) }
}

async function forget({ world }: Stage): Promise<void> {
  emptyCache(world.process.live)
  world.knowledge.evict(new Set())
  await turn()
}

function evict({ world }: Stage): void {
  world.process.core.subjects.clear()
  world.knowledge.evict(world.held())
}

async function revoke(stage: Stage, user: string): Promise<void> {
  await stage.world.process.live.revoke(user)
  revoked(stage, user)
  await turn()
}

async function erase(stage: Stage, user: string): Promise<void> {
  const { process, knowledge, ledger } = stage.world
  const sub = stage.world.subOf(user) ?? ''
  await process.live.erase(user)
  const isNewest = revoked(stage, user)
  knowledge.erase(sub)
  if (isNewest) ledger.erase(sub)
  await turn()
}

/** Says whether the epoch is newer than any before: a process that has just begun, on a clock that runs behind, cannot know. */
function revoked({ world }: Stage, user: string): boolean {
  const { process, knowledge } = world
  const sub = world.subOf(user) ?? ''
  knowledge.revoke(sub, process.core.epochs.of(sub))
  for (const tab of world.browsers.flatMap(({ tabs }) => tabs)) {
    const { wire } = tab.socket
    if (wire?.isOpen && wire.subs.includes(sub)) world.fail(`a socket of ${user}, who was revoked, stays open`)
    if (tab.subs.includes(sub)) tab.hasStrayed = true
  }
  return world.beginsEpoch(sub, process.core.epochs.of(sub))
}

async function restart({ world }: Stage, build = world.process.build, rotation = world.rotation): Promise<void> {
  world.restart(build, rotation)
  for (const { exchanges } of world.browsers) {
    for (const exchange of exchanges) if (exchange.state === 'lost') await exchange.lose()
  }
}

const post = async (stage: Stage, browser: Browser, tickets: readonly (string | undefined)[]): Promise<void> => {
  const known = tickets.filter((ticket) => ticket !== undefined)
  if (known.length === 0) return
  await stage.leave(browser.send({ method: 'POST', url: '/store_session', body: JSON.stringify({ tickets: known }) }))
}

/** What each kind of step does. A new one is a line here and a weight in `schedule.ts`. */
export const PERFORM: Readonly<Record<Kind, Perform>> = {
  change: async (stage, browser, step) => {
    const key = keyOf(stage, WRITABLE, step)
    tabOf(browser, step)?.change(key, freshValue(stage, key, browser.index))
    await turn()
  },
  remove: async (stage, browser, step) => {
    tabOf(browser, step)?.change(keyOf(stage, WRITABLE, step), undefined)
    await turn()
  },
  open: (stage, browser, { what }) => stage.load(browser, what % 4 > 0),
  openStatic: async (stage, browser) => stage.open(browser, undefined, true),
  close: async (_, browser, step) => tabOf(browser, step)?.close(),

  read: (stage, browser) => stage.request(browser, [{ does: 'read' }]),
  write: (stage, browser, step) => stage.request(browser, [writing(stage, browser, step), { does: 'read' }]),
  writeSlowly: (stage, browser, step) => {
    const write = writing(stage, browser, step)
    const orders: readonly (readonly Action[])[] = [
      [{ does: 'use' }, { does: 'wait' }, write],
      [write, { does: 'wait' }, { does: 'read' }],
      [{ does: 'wait' }, write],
    ]
    return stage.request(browser, pick(orders, step.which) ?? [])
  },
  readSlowly: (stage, browser) => stage.request(browser, [{ does: 'read' }, { does: 'wait' }, { does: 'read' }]),
  writeAndFail: (stage, browser, step) => stage.request(browser, [writing(stage, browser, step), { does: 'fail' }]),
  erase: (stage, browser, step) => {
    const key = keyOf(stage, [...WRITABLE, ...SERVER_ONLY], step)
    return stage.request(browser, [{ does: 'write', key, value: undefined }, { does: 'read' }])
  },
  signIn: (stage, browser, step) => {
    const signIn: Action = { does: 'signIn', user: userOf(stage, step) }
    const wait: readonly Action[] = step.what % 3 === 0 ? [{ does: 'wait' }] : []
    return stage.request(browser, [signIn, { does: 'identify' }, ...wait, { does: 'read' }])
  },
  signInUnsaid: (stage, browser, step) => {
    const use: readonly Action[] = step.what % 2 === 0 ? [{ does: 'use' }] : []
    return stage.request(browser, [...use, { does: 'signIn', user: userOf(stage, step) }])
  },
  signOut: (stage, browser) => stage.request(browser, [{ does: 'signOut' }, { does: 'identify' }, { does: 'read' }]),
  signOutUnsaid: (stage, browser) => stage.request(browser, [{ does: 'signOut' }]),
  leave: (stage, browser) => stage.request(browser, [{ does: 'signOut' }, { does: 'leave' }, { does: 'read' }]),
  countInSession: (stage, browser, { what }) => {
    const wait: readonly Action[] = what % 3 === 0 ? [{ does: 'wait' }] : []
    return stage.request(browser, [{ does: 'count', number: what }, ...wait, { does: 'read' }])
  },

  ...NETWORK,

  restart: (stage) => restart(stage),
  deploy: (stage) => restart(stage, stage.world.process.build === 'one' ? 'two' : 'one'),
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
  clock: async (_stage, _browser, { which }) => {
    serverClock.at = Math.min(LATEST, serverClock.at + (pick(LEAPS, which) ?? 0))
  },
  job: async (stage, _, step) => {
    const { world } = stage
    const key = step.what % 2 === 0 ? 'division' : 'role'
    const value = world.ledger.tag(key, undefined)
    const user = await world.process.live.user(userOf(stage, step))
    const { stamp } = await user.set(key as never, value as never)
    const sub = world.subOf(userOf(stage, step))
    world.ledger.assign(value, sub, stamp)
    world.knowledge.learn(sub, key, { stamp, value })
    await turn()
  },
  push: async (stage, browser, step) => {
    const tab = tabOf(browser, step)
    const wire = tab?.socket.wire
    if (!tab || !wire?.isOpen) return
    const key = pick(['role', 'division', 'theme'], step.what) ?? 'role'
    const value = stage.world.ledger.tag(key, browser.index)
    const written = await wire.handle.liveSession?.set(key, value)
    if (written) stage.pushed(tab, key, value, written.stamp)
    await turn()
  },
  revoke: (stage, _, step) => revoke(stage, userOf(stage, step)),
  eraseUser: (stage, _, step) => erase(stage, userOf(stage, step)),

  answerComesLate: async (stage, browser, step) => {
    const tab = tabOf(browser, step)
    if (!tab) return
    const key = keyOf(stage, WRITABLE, step)
    if (tab.socket.wire) tab.socket.drop()
    tab.change(key, freshValue(stage, key, browser.index))
    await turn()
    const posted = browser.exchanges.find(({ state, outgoing }) => state === 'waiting' && outgoing.tab === tab)
    if (posted) await stage.leave(posted)
    for (let phase = 0; phase < 2; phase += 1) await stage.shakeHands(tab)
    const write: Action = { does: 'write', key, value: freshValue(stage, key, browser.index) }
    await stage.request(browser, [write])
    while ((await stage.toTab(tab)) || (await stage.toServer(tab)));
  },
  replay: (stage, browser, { which, what }) =>
    post(stage, browser, [pick(browser.tickets, which), ...(what % 2 === 0 ? [pick(browser.tickets, what)] : [])]),
  steal: async (stage, browser, { which, what }) => {
    const victim = pick(stage.world.browsers.slice(browser.index + 1), what)
    const isOffer = ({ new: provisional, first }: TicketClaims): boolean => (provisional ?? first) !== undefined
    // Any browser that has one which offers an id may bring it.
    const tickets = victim?.tickets.filter((ticket) => !isOffer(readClaims(ticket))) ?? []
    await post(stage, browser, [pick(tickets, which)])
  },
  forgeTicket: async (stage, browser, { which, what }) => {
    const ticket = pick(browser.tickets, which)
    if (ticket !== undefined) await post(stage, browser, [forgeTicket(ticket, what)])
  },
  forgeCookie: async (stage, browser, { what }) => {
    const cookies = forgeCookie(browser.cookies, what)
    if (cookies !== undefined) await stage.forge(browser, cookies)
  },
}
