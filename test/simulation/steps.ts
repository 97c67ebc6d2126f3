import type { Browser, Exchange } from './browser.js'
import { SERVER_ONLY } from './builds.js'
import {
  changeOne,
  freshValue,
  keyOf,
  onExchange,
  onTab,
  type Perform,
  tabOf,
  userOf,
  writable,
  writing,
} from './choices.js'
import { LEAVINGS } from './leavings.js'
import { MISCHIEF } from './mischief.js'
import { CLOCKS, STALLS } from './node-steps.js'
import { pick } from './random.js'
import type { Action } from './routes.js'
import type { Kind } from './schedule.js'
import { CLUSTER, SERVER } from './server-steps.js'
import type { Stage } from './stage.js'
import type { Link } from './tab.js'
import { fireTimer, turn } from './time.js'
import { USERS } from './world.js'

const LINKS: readonly Link[] = ['connected', 'connected', 'connected', 'connected', 'unconnected', 'none']

function leave(stage: Stage, browser: Browser, isForgotten: boolean, what: number): Promise<unknown> {
  const orders: readonly (readonly Action[])[] = [
    [{ does: 'read' }],
    [{ does: 'wait' }],
    [{ does: 'wait' }, { does: 'page' }],
  ]
  const afterwards = pick(orders, what) ?? []
  return stage.request(browser, [{ does: 'signOut' }, { does: 'leave', isForgotten }, ...afterwards])
}

async function through(stage: Stage, exchange: Exchange): Promise<void> {
  for (let phase = 0; phase < 3 && exchange.state !== 'over'; phase += 1) await stage.advance(exchange)
}

/** Each kind of step. A new kind needs a weight in `schedule.ts`. */
export const PERFORM: Readonly<Record<Kind, Perform>> = {
  change: onTab(changeOne),
  changeTogether: async (stage, browser, step) => {
    const tab = tabOf(browser, step)
    const keys = [0, 1].map((more) => keyOf(stage, writable(stage), { ...step, what: step.what + more * 3 }))
    const values = new Map(keys.map((key) => [key, freshValue(stage, key, browser.index)]))
    if (tab) await stage.changeTogether(tab, values)
  },
  remove: onTab((stage, tab, step) => stage.change(tab, keyOf(stage, writable(stage), step), undefined)),
  add: onTab((stage, tab) => stage.add(tab)),
  addTogether: async (stage, _browser, { what }) => {
    const tabs = stage.world.browsers.flatMap((browser) => browser.tabs)
    for (let times = 0; times < 2; times += 1) {
      for (const tab of tabs) await stage.add(tab)
      for (const [index, tab] of tabs.entries()) if ((what >> index) % 2 === 0) await stage.toServer(tab)
    }
  },
  open: (stage, browser, { what }) => stage.load(browser, pick(LINKS, what) ?? 'connected'),
  openStatic: async (stage, browser, { what }) => stage.open(browser, pick(LINKS, what) ?? 'connected'),
  openManyWithoutCookie: async (stage, browser, { what }) => {
    browser.loseCookie()
    const pages = [await stage.load(browser, 'connected'), await stage.load(browser, 'connected')]
    if (what % 2 === 0) stage.open(browser, 'connected')
    for (const page of what % 3 === 0 ? pages.reverse() : pages) await stage.advance(page)
  },
  close: onTab((_, tab) => tab.close()),
  goBack: async (stage, browser, step) => {
    const tab = tabOf(browser, step)
    if (tab?.isHidden) tab.show(step.what % 3 === 0)
    else tab?.hide()
    await turn()
    if (step.what % 2 === 0) await stage.flow(browser)
  },
  goBackToFormer: onTab(async (stage, tab, step) => {
    const { browser } = tab
    if (tab.isHidden) return
    await changeOne(stage, tab, step)
    if (step.what % 2 === 0) await stage.flow(browser)
    tab.hide()
    const change: Action = step.what % 3 === 0 ? { does: 'signIn', user: userOf(stage, step) } : { does: 'signOut' }
    await through(stage, await stage.request(browser, [change, { does: 'identify' }]))
    await through(stage, await stage.load(browser, pick(LINKS, step.which) ?? 'connected'))
    if (browser.tabs.includes(tab)) tab.show(step.what % 5 === 0)
    await turn()
  }),
  look: onTab(async (stage, tab, { what }) => {
    if (what % 2 === 0 && (await stage.tellStorage(tab))) return
    tab.look()
    await turn()
  }),

  read: (stage, browser) => stage.request(browser, [{ does: 'read' }]),
  write: (stage, browser, step) => stage.request(browser, [writing(stage, browser, step), { does: 'read' }]),
  writeSlowly: (stage, browser, step) => {
    const write = writing(stage, browser, step)
    const orders: readonly (readonly Action[])[] = [
      [{ does: 'use' }, { does: 'wait' }, write],
      [{ does: 'glance' }, { does: 'wait' }, { does: 'glance' }],
      [write, { does: 'wait' }, { does: 'read' }],
      [{ does: 'wait' }, write],
    ]
    return stage.request(browser, pick(orders, step.which) ?? [])
  },
  readSlowly: (stage, browser) => stage.request(browser, [{ does: 'read' }, { does: 'wait' }, { does: 'read' }]),
  writeAndFail: (stage, browser, step) => stage.request(browser, [writing(stage, browser, step), { does: 'fail' }]),
  erase: (stage, browser, step) => {
    const key = keyOf(stage, [...writable(stage), ...SERVER_ONLY], step)
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
  leave: (stage, browser, { what }) => leave(stage, browser, false, what),
  leaveForgotten: (stage, browser, { what }) => leave(stage, browser, true, what),
  leaveUnheard: async (stage, browser, step) => {
    const out: readonly Action[] = [{ does: 'signOut' }, { does: 'leave', isForgotten: true }]
    await through(stage, await stage.request(browser, out))
    await through(stage, await stage.load(browser, 'connected'))
    const tab = browser.tabs.at(-1)
    if (tab) await changeOne(stage, tab, step)
    await through(stage, await stage.request(browser, out))
    if (step.what % 2 === 0) await through(stage, await stage.load(browser, 'connected'))
    if (!tab || step.what % 4 > 0) return
    // The page learns of the next guest, and is left at once.
    for (let move = 0; move < 4; move += 1) if (!(await stage.shakeHands(tab))) await stage.toTab(tab)
    if (step.what % 8 === 0) tab.close()
    else tab.hide()
  },
  takeTurns: async (stage, browser, step) => {
    for (const [index, user] of USERS.entries()) {
      const next = stage.world.userId(user)
      await stage.request(browser, [{ does: 'signIn', user: next }, { does: 'identify' }])
      if ((step.what >> index) % 2 === 0) await stage.flow(browser)
      const tab = tabOf(browser, step)
      if (tab) await changeOne(stage, tab, step)
      if ((step.what >> index) % 3 === 0) await stage.flow(browser)
      if ((step.which >> index) % 2 === 0) await leave(stage, browser, false, step.what)
    }
  },
  countInSession: (stage, browser, { what }) => {
    const wait: readonly Action[] = what % 3 === 0 ? [{ does: 'wait' }] : []
    return stage.request(browser, [{ does: 'count', number: what }, ...wait, { does: 'read' }])
  },

  ...LEAVINGS,
  ...SERVER,
  ...CLUSTER,
  ...CLOCKS,
  ...STALLS,
  ...MISCHIEF,

  flow: (stage, browser) => stage.flow(browser),
  send: onExchange('waiting', (stage, exchange) => stage.leave(exchange)),
  finish: onExchange('running', (stage, exchange) => stage.finish(exchange)),
  arrive: onExchange('answered', (stage, exchange) => stage.arrive(exchange)),
  arriveTwice: onExchange('answered', (stage, exchange) => stage.arrive(exchange, false)),
  lose: async (_, { exchanges }, { which }) => {
    const open = exchanges.filter(({ state }) => state === 'answered' || state === 'waiting')
    await pick(open, which)?.lose()
  },
  toTab: onTab((stage, tab) => stage.toTab(tab)),
  toServer: onTab((stage, tab) => stage.toServer(tab)),
  shakeHands: onTab((stage, tab) => stage.shakeHands(tab)),
  tell: onTab((stage, tab) => stage.tell(tab)),
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
  answerComesLate: async (stage, browser, step) => {
    const tab = tabOf(browser, step)
    if (!tab) return
    const key = keyOf(stage, writable(stage), step)
    if (tab.socket.wire) tab.socket.drop()
    await stage.change(tab, key, freshValue(stage, key, browser.index))
    const posted = browser.exchanges.find(({ state, outgoing }) => state === 'waiting' && outgoing.tab === tab)
    if (posted) await stage.leave(posted)
    for (let phase = 0; phase < 2; phase += 1) await stage.shakeHands(tab)
    const write: Action = { does: 'write', key, value: freshValue(stage, key, browser.index) }
    await stage.request(browser, [write])
    while ((await stage.toTab(tab)) || (await stage.toServer(tab)));
  },
  block: async (_, browser, { what }) => browser.block(what % 2 === 0),
  consent: async (_, browser, { what }) => {
    browser.agree(!browser.hasConsent)
    if (browser.hasConsent && what % 2 === 0) for (const { live } of browser.tabs) void live.flush()
    await turn()
  },
  loseCookie: async (_, browser) => browser.loseCookie(),
}
