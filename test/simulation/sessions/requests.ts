import type Koa from 'koa'
import { z } from 'zod'
import { HAND_OFF_FIELD } from '../../../shared/protocol.js'
import type { Exchange } from '../browser.js'
import type { Route } from '../process.js'
import { note } from '../tally.js'
import { type Beginning, givenId, type SessionChecker } from './checker.js'
import type { Content, End } from './ends.js'

/** A request of the app, with what it has begun. */
export interface Run {
  readonly ctx: Koa.Context
  readonly exchange: Exchange
  readonly checker: SessionChecker
  readonly since: Beginning
  readonly ends: End[]
  /** Whether the request's cookie names a session that goes on. */
  readonly isOwn: boolean
  /** The number of the sign-in by this request, and the moment of its proof if earlier. */
  signIn?: { readonly number: number; readonly since: Beginning[]; readonly proved?: number | undefined } | undefined
  after: Content
  readonly before: Content
}

export type Act = (run: Run) => unknown

export interface Token {
  readonly text: string
  readonly user: string
  readonly made: number
  readonly since: Beginning
}

/** @param heldAt the number of acts before the request waits for the schedule */
export function routeOf(
  acts: readonly Act[],
  heldAt: number,
  { checker, onRun }: { readonly checker: SessionChecker; readonly onRun: (run: Run) => void },
): (exchange: Exchange) => Route {
  return (exchange) => {
    const since = checker.arrives(exchange.node, exchange.cookies)
    return async (ctx) => {
      const before: Content = ctx['session'].toJSON()
      checker.sees(since, before, 'a request', ctx.liveSession.userId)
      const run: Run = { ctx, exchange, checker, since, ends: [], isOwn: !ctx['session'].isNew, before, after: before }
      onRun(run)
      try {
        for (const [index, act] of acts.entries()) {
          if (index === heldAt) await exchange.gate
          // A killed process does nothing more.
          if (exchange.node.isOver) return exchange.never
          await act(run)
        }
      } finally {
        run.after = ctx['session']?.toJSON() ?? {}
      }
      ctx.body ??= ''
      return undefined
    }
  }
}

/** Called with the answer: what the request has begun is done. */
export function settle({ exchange: { response }, checker, since, ends, signIn, before, after }: Run): void {
  if (response && signIn && !givenId(response)) checker.bringsNone(since, before, signIn.number)
  if (response?.statusCode !== 200) return
  for (const end of ends) end.isTold = true
  // Without `identify()`, the next process names the user; a hand-off stays as old as it is.
  if (signIn) checker.signedIn(signIn.number, signIn.proved === undefined ? [] : signIn.since, signIn.proved)
  checker.answered(response, since, before, after, ends)
}

export const write: Act = ({ ctx: { session }, checker }) => {
  session.login ??= checker.newLogin()
  session.cart = (session.cart ?? 0) + 1
  if (session.user !== undefined) session.note = session.user
}

/** Sets a value of `ctx.liveSession`. */
export const keepValue: Act = ({ ctx }) => ctx.liveSession.set('division' as never, 1 as never)

export const regenerate: Act = async ({ ctx, checker, since, isOwn }) => {
  if (!ctx['session']) return
  checker.leaves(since)
  await ctx['session'].regenerate()
  if (isOwn) checker.retires(since)
}

const setUser =
  (user: string, isProved: (run: Run) => Beginning[] = () => [], proved?: number): Act =>
  (run) => {
    const { ctx, checker, since, exchange, ends, isOwn } = run
    if (!ctx['session']) return
    const { user: former, login, past = [] }: Content = ctx['session']
    if (former === user) return
    if (former !== undefined) ends.push(checker.begins({ node: exchange.node, login, id: since.id }))
    // A sign-in after a user's session that has ended ends its login.
    else if (checker.isAfterUser(since.id ?? '')) checker.begins({ node: exchange.node, id: since.id })
    const number = checker.signsIn(user, isOwn ? since.id : undefined)
    const isFirst = former === undefined && past.length === 0
    run.signIn = { number, since: [...(isFirst ? [] : [since]), ...isProved(run)], proved }
    Object.assign(ctx['session'], {
      user,
      signIn: number,
      login: former === undefined && login !== undefined ? login : checker.newLogin(),
      past: former === undefined ? past : [...past, former],
      note: undefined,
    })
  }

const identify: Act = async ({ ctx, checker, exchange, signIn }) => {
  const since = checker.arrives(exchange.node, '', true)
  await ctx.liveSession.identify()
  if (!signIn) return
  checker.identified(signIn.number)
  checker.signedIn(signIn.number, [...signIn.since, since], signIn.proved)
}

/** Ways to sign in; the last plants no new id, as an older app. */
export function signingIn(user: string, way: number): readonly Act[] {
  const set = setUser(user)
  const ways = [
    [set, regenerate, identify],
    [set, identify, regenerate],
    [regenerate, set, identify],
    [set, identify],
  ]
  return ways[way % ways.length] ?? []
}

/** Signs in without `identify()`, in a new session. */
export const signingInUnsaid =
  (user: string): Act =>
  (run) =>
    run.isOwn ? undefined : setUser(user)(run)

/** Signs in by a hand-off, unless a user is signed in. */
export function takingOver({ text, user, made, since }: Token, way: number): readonly Act[] {
  const take: Act = async (run) => {
    const { ctx, isOwn, before } = run
    if (before.user !== undefined) return
    // Without `identify()`, an older session may count as older than the hand-off.
    const proved = isOwn ? { ...since, heard: [], loadable: [] } : since
    Object.assign(ctx.request, { body: { [HAND_OFF_FIELD]: text } })
    const handed = await ctx.liveSession.takeHandOff('sign-in', z.object({ user: z.string() }))
    if (!handed) return
    note('a hand-off signs in')
    await setUser(user, () => [proved], made)(run)
  }
  const ways = [[take], [take, regenerate], [take, identify], [take, regenerate, identify]]
  return ways[way % ways.length] ?? []
}

const begin =
  (isEnding: boolean): Act =>
  ({ ctx, checker, since, exchange, ends }) => {
    const isSignedIn = ctx['session']?.user !== undefined
    // The end of a former id names its login, where the process knows of that end.
    const { user, login }: Content = isSignedIn ? ctx['session'] : checker.contentOf(since.id ?? '')
    checker.leaves(since)
    if (login === undefined && !checker.isAfterUser(since.id ?? '')) return
    const end = checker.begins({ node: exchange.node, login, id: since.id })
    if (isSignedIn || (isEnding && user !== undefined && checker.hasRetired(since))) ends.push(end)
  }
const beginEnding = begin(true)
/** A guest's session that stays may be one that another request has just signed a user in to: that sign-in came later. */
const beginStaying = begin(false)
/** Without `leave()`, an id that has ended before says nothing. */
const beginOwn: Act = (run) => {
  const { ctx, checker, since, exchange, isOwn } = run
  if (ctx['session']?.user !== undefined) return beginEnding(run)
  checker.leaves(since)
  // Another request may have just signed a user in to the guest's session.
  if (isOwn) checker.begins({ node: exchange.node, login: ctx['session']?.login, id: since.id })
}
const leave: Act = ({ ctx }) => ctx.liveSession.leave()
const endSession: Act = (run) => {
  run.ctx['session'] = null
}
const dropUser: Act = ({ ctx: { session }, checker }) => {
  const { user, past = [] }: Content = session
  if (user === undefined) return
  Object.assign(session, { past: [...past, user], login: checker.newLogin() })
  for (const key of ['user', 'signIn', 'note']) delete session[key]
}

/** Ways to sign out: without a session, or with a session that keeps the cart. */
export function signingOut(way: number): readonly Act[] {
  const ways = [
    [beginEnding, endSession, leave],
    [beginOwn, endSession],
    [beginStaying, dropUser, regenerate, leave],
    [beginStaying, leave, dropUser, regenerate],
    [beginStaying, dropUser, leave],
  ]
  return ways[way % ways.length] ?? []
}

/** Signs the user out elsewhere, after a `regenerate()`, because the cookie may be copied. */
export const revokeOthers: readonly Act[] = [
  async (run) => {
    const { ctx, checker } = run
    const { user }: Content = ctx['session']
    if (user === undefined) return
    const number = checker.signsIn(user, run.since.id)
    Object.assign(ctx['session'], { signIn: number, login: checker.newLogin() })
    await regenerate(run)
    run.signIn = { number, since: [run.since] }
  },
  async ({ ctx, checker, exchange, signIn, since }) => {
    const { node } = exchange
    if (!signIn) return
    const asked = checker.arrives(node, '', true)
    checker.identified(signIn.number)
    checker.signedIn(signIn.number, [since, asked])
    const { user } = ctx['session'] as { user: string }
    const revocation = checker.begins({ node, user, spared: signIn.number })
    await node.process.live.revoke(user, { except: ctx })
    checker.revoked(revocation, asked)
  },
]
