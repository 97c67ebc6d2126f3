import type Koa from 'koa'
import type { Written } from '../../shared/change.js'
import { LiveSessionError } from '../../shared/errors.js'
import type { JsonValue } from '../../shared/json.js'
import type { AnySnapshot } from '../../shared/protocol.js'
import type { Exchange } from './browser.js'
import type { Identity } from './knowledge.js'
import type { Route } from './process.js'
import type { Register } from './registers.js'
import type { RequestChecker } from './requests.js'
import type { World } from './world.js'

export type Action =
  | { readonly does: 'read' | 'wait' | 'page' | 'signOut' | 'identify' | 'fail' | 'glance' | 'use' }
  | { readonly does: 'leave'; readonly isForgotten: boolean }
  | { readonly does: 'signIn'; readonly user: string }
  | { readonly does: 'count'; readonly number: number }
  | { readonly does: 'write'; readonly key: string; readonly value: JsonValue | undefined }

export interface RouteOptions {
  readonly world: World
  readonly checker: RequestChecker
  /** Called with the registers of the last read. */
  readonly onRead?: (values: ReadonlyMap<string, Register>) => void
  readonly onPage?: (snapshot: AnySnapshot, identity: Identity | undefined) => void
}

const REFUSALS: readonly string[] = ['superseded', 'cookies_blocked']

interface Run extends RouteOptions {
  readonly ctx: Koa.Context
  readonly exchange: Exchange
}

export function routeOf(actions: readonly Action[], options: RouteOptions): (exchange: Exchange) => Route {
  return (exchange) => async (ctx) => {
    for (const action of actions) {
      // A killed process does nothing more.
      if (exchange.node.isOver) return exchange.never
      await perform(action, { ...options, ctx, exchange })
    }
  }
}

const USING: readonly Action['does'][] = ['use', 'identify', 'leave', 'page', 'read', 'write']

async function perform(action: Action, run: Run): Promise<void> {
  const { ctx, exchange, checker } = run
  if (USING.includes(action.does)) {
    // Only the first use of a value reads the cookie.
    ctx.liveSession.has('division' as never)
    checker.begin(exchange)
  }
  if (action.does === 'wait') await exchange.gate
  else if (action.does === 'fail') throw new Error('on purpose')
  else if (action.does === 'count') ctx['session'].count = action.number
  else if (action.does === 'signIn') ctx['session'].user = action.user
  else if (action.does === 'signOut') ctx['session'] = null
  else if (action.does === 'identify') await identify(run)
  else if (action.does === 'leave') await leave(run, action.isForgotten)
  else if (action.does === 'write') await write(run, action.key, action.value)
  else if (action.does === 'glance') {
    void ctx.liveSession
    checker.glanced(exchange)
  } else if (action.does !== 'use') {
    if (action.does === 'page') show(run)
    read(run)
  }
}

function show({ ctx, exchange, checker, onPage }: Run): void {
  checker.does(exchange, 'shows')
  const snapshot: AnySnapshot = JSON.parse(JSON.stringify(ctx.liveSession.snapshot()))
  checker.shows(exchange, snapshot)
  onPage?.(snapshot, exchange.identity)
  if (!onPage) ctx.body = ctx.liveSession.embed()
}

function identify({ ctx, exchange, checker }: Run): Promise<void> {
  const since = exchange.node.knowledge.ends
  return change(
    exchange,
    () => ctx.liveSession.identify(),
    () => checker.identify(exchange, ctx['session']?.user, since),
  )
}

function leave({ ctx, exchange, checker }: Run, isForgotten: boolean): Promise<void> {
  return change(
    exchange,
    () => ctx.liveSession.leave(isForgotten ? { forget: true } : {}),
    () => checker.leave(exchange, isForgotten),
  )
}

/** Changes the visitor, and calls `become` at the moment at which other requests see the retirement of the id. */
async function change(exchange: Exchange, act: () => Promise<void>, become: () => void): Promise<void> {
  const before = exchange.identity?.browser
  const { looks } = exchange.node.process
  const becomeOnce = (): void => {
    if (looks.delete(look)) become()
  }
  // With a store, this comes before the promise resolves.
  const look = (): void => {
    if (!exchange.node.isOver && exchange.identity?.browser !== before) becomeOnce()
  }
  looks.add(look)
  const changed = act()
  look()
  await changed
  if (exchange.node.isOver) return exchange.never
  becomeOnce()
}

function read({ ctx, exchange, world, checker, onRead }: Run): void {
  const { liveSession } = ctx
  const found = new Map<string, Register>()
  for (const [key, { stamp, value }] of liveSession.inspect()) {
    found.set(key, { stamp, value })
    const read: unknown = liveSession.get(key)
    const isDefault = value === undefined && !liveSession.has(key)
    if (!isDefault && JSON.stringify(read) !== JSON.stringify(value))
      world.fail(`get("${key}") is ${JSON.stringify(read)}, but ${JSON.stringify(value)} is stored`)
    if (isDefault && typeof read === 'number' && read > 0) world.fail(`get("${key}") is ${read}, but was deleted`)
  }
  checker.read(exchange, found)
  onRead?.(found)
}

async function write({ ctx, exchange, world, checker }: Run, key: string, value: JsonValue | undefined): Promise<void> {
  const { liveSession } = ctx
  const stampNow = (): number => liveSession.inspect().get(key as never)?.stamp ?? 0
  const before = stampNow()
  const written = value === undefined ? liveSession.delete(key as never) : liveSession.set(key as never, value as never)
  // The value must be visible before the promise settles.
  const next: unknown = liveSession.get(key as never)
  const stamp = stampNow()
  if (stamp !== before) checker.wrote(exchange, key, { stamp, value })
  const outcome = await outcomeOf(written)
  if (exchange.node.isOver) return exchange.never
  if (outcome === undefined) {
    checker.superseded(exchange)
    return
  }
  if (value !== undefined && JSON.stringify(next) !== JSON.stringify(value))
    world.fail(`get("${key}") is ${JSON.stringify(next)} on the line after set(${JSON.stringify(value)})`)
  if (stamp === before || outcome.stamp !== stamp)
    world.fail(`set("${key}") resolves with the stamp ${outcome.stamp}, and ${stamp} came after ${before}`)
  checker.acknowledged(exchange, key, { stamp, value }, outcome.level)
}

/** Resolves with undefined if the browser id was retired, or the cookie was withheld. */
async function outcomeOf(written: Promise<Written>): Promise<Written | undefined> {
  try {
    return await written
  } catch (error) {
    if (error instanceof LiveSessionError && REFUSALS.includes(error.code)) return undefined
    throw error
  }
}
