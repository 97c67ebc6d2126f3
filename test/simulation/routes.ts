import type Koa from 'koa'
import type { Written } from '../../server/kernel/exchange/outcome.js'
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

export function routeOf(actions: readonly Action[], options: RouteOptions): (exchange: Exchange) => Route {
  return (exchange) => async (ctx) => {
    for (const action of actions) {
      // A killed process does nothing more.
      if (exchange.node.isOver) return exchange.never
      await perform(action, ctx, exchange, options)
    }
  }
}

async function perform(action: Action, ctx: Koa.Context, exchange: Exchange, options: RouteOptions): Promise<void> {
  const { checker } = options
  switch (action.does) {
    case 'wait':
      return exchange.gate
    case 'fail':
      throw new Error('on purpose')
    case 'count':
      ctx['session'].count = action.number
      return
    case 'signIn':
      ctx['session'].user = action.user
      return
    case 'signOut':
      ctx['session'] = null
      return
    case 'glance':
      void ctx.liveSession
      checker.glanced(exchange)
      return
    case 'use':
      use(ctx, exchange, checker)
      return
    case 'identify':
      use(ctx, exchange, checker)
      return identify(ctx, exchange, checker)
    case 'leave':
      use(ctx, exchange, checker)
      return leave(ctx, exchange, action.isForgotten, checker)
    case 'page':
      use(ctx, exchange, checker)
      checker.does(exchange, 'shows')
      show(ctx, exchange, options)
      return read(ctx, exchange, options)
    case 'read':
      use(ctx, exchange, checker)
      return read(ctx, exchange, options)
    case 'write':
      use(ctx, exchange, checker)
      return write(ctx, exchange, action.key, action.value, options)
  }
}

function show(ctx: Koa.Context, exchange: Exchange, { checker, onPage }: RouteOptions): void {
  const snapshot: AnySnapshot = JSON.parse(JSON.stringify(ctx.liveSession.snapshot()))
  checker.shows(exchange, snapshot)
  onPage?.(snapshot, exchange.identity)
  if (!onPage) ctx.body = ctx.liveSession.embed()
}

async function identify(ctx: Koa.Context, exchange: Exchange, checker: RequestChecker): Promise<void> {
  const since = exchange.node.knowledge.ends
  const before = exchange.identity?.browser
  const { looks } = exchange.node.process
  const become = (): void => {
    if (looks.delete(look)) checker.identify(exchange, ctx['session']?.user, since)
  }
  // Other requests see the id given up at that moment, not after the store's answer.
  const look = (): void => {
    if (!exchange.node.isOver && exchange.identity?.browser !== before) become()
  }
  looks.add(look)
  await ctx.liveSession.identify()
  if (exchange.node.isOver) return exchange.never
  become()
}

async function leave(
  ctx: Koa.Context,
  exchange: Exchange,
  isForgotten: boolean,
  checker: RequestChecker,
): Promise<void> {
  const left = ctx.liveSession.leave(isForgotten ? { forget: true } : {})
  checker.leave(exchange, isForgotten)
  await left
}

/** Only the first use of a value reads the cookie. */
function use(ctx: Koa.Context, exchange: Exchange, checker: RequestChecker): void {
  ctx.liveSession.has('division' as never)
  checker.begin(exchange)
}

function read(ctx: Koa.Context, exchange: Exchange, { world, checker, onRead }: RouteOptions): void {
  const { liveSession } = ctx
  const found = new Map<string, Register>()
  for (const [key, { stamp, value }] of liveSession.inspect()) {
    found.set(key, { stamp, value })
    const read: unknown = liveSession.get(key)
    const isDefault = value === undefined && !liveSession.has(key)
    if (!isDefault && JSON.stringify(read) !== JSON.stringify(value))
      world.fail(`get("${key}") is ${JSON.stringify(read)}, though ${JSON.stringify(value)} is stored`)
    if (isDefault && typeof read === 'number' && read > 0) world.fail(`get("${key}") is ${read}, though it was deleted`)
  }
  checker.read(exchange, found)
  onRead?.(found)
}

async function write(
  ctx: Koa.Context,
  exchange: Exchange,
  key: string,
  value: JsonValue | undefined,
  { world, checker }: RouteOptions,
): Promise<void> {
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

/** Undefined if the browser id was given up, or the cookie was withheld. */
async function outcomeOf(written: Promise<Written>): Promise<Written | undefined> {
  try {
    return await written
  } catch (error) {
    if (error instanceof LiveSessionError && REFUSALS.includes(error.code)) return undefined
    throw error
  }
}
