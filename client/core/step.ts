import type { SetAnswer } from '../../shared/protocol.js'
import { acknowledge, block, dispatch, drafts, refuse, release, retry, set } from './changes.js'
import { abort, age, ask, awaitGreeting, canSend, hear, reconnect, renewed } from './identity.js'
import type { Effect, Event, Events, TimerName } from './messages.js'
import { begin, learn, leave, plan, posted, queue, rest } from './posts.js'
import { restore } from './remains.js'
import type { State } from './state.js'
import { beginTurn, start, type Turn } from './turn.js'
import { recompute, update } from './updates.js'
import { ownerOf } from './view.js'

/** ms after which the page takes its browser's id for young no more. */
const YOUTH = 600_000
/** What the server would do at another time: nothing was applied, and it may be sent again. */
const LATER: readonly unknown[] = ['rate_limited', 'closed', 'store_unavailable']
/** ms to wait then, at least. */
const LATER_WAIT = 1000

const HANDLERS: { readonly [K in keyof Events]: (turn: Turn, ...args: Events[K]) => void } = {
  begin: (turn) => {
    const { page, link, isReady } = turn
    if (page.is === 'known' && page.identity) turn.effects.push(['take', ownerOf(page.identity)])
    if (link === 'down' && !isReady) awaitGreeting(turn)
    renewed(turn)
  },
  set,
  update,
  connect: (turn) => {
    turn.link = 'up'
    turn.isHeard = true
    turn.timers.delete('link')
    awaitGreeting(turn)
    wake(turn)
  },
  disconnect: (turn) => {
    turn.link = 'down'
    turn.isHeard = false
    turn.timers.delete('link')
  },
  reconnect: (turn) => {
    abort(turn)
    age(turn)
    reconnect(turn)
  },
  ticket: hear,
  refused: (turn, code) => {
    turn.timers.delete('greet')
    turn.link = code === 'other_subject' ? 'strange' : 'down'
    if (code === 'other_subject') {
      // Without a connection the page was not told: a guest may have left.
      age(turn)
      ask(turn)
    }
    if (code === 'rate_limited') rest(turn, 'link', LATER_WAIT)
  },
  answer: answered,
  turn: begin,
  posted,
  timer: (turn, name) => {
    if (turn.timers.delete(name)) TIMERS[name]?.(turn)
  },
  news: learn,
  restored: restore,
  leave,
  return: (turn) => {
    awake(turn)
    turn.isHeard = false
    if (turn.link === 'none') ask(turn)
  },
  use: (turn) => {
    turn.isDue = !turn.timers.has('renew')
  },
  wake: awake,
  flush: (turn) => {
    // Whether it still is, the next try shows.
    turn.isUnreachable = false
    turn.cookieless = undefined
    turn.moves = 0
    retry(turn)
    if (turn.page.is === 'memory') ask(turn)
    wake(turn)
  },
}

/** What is due when a time has passed. Of the others it is enough that they have. */
const TIMERS: { readonly [K in TimerName]?: (turn: Turn) => void } = {
  lead: queue,
  link: (turn) => void turn.effects.push(['reconnect']),
  calm: (turn) => {
    turn.moves = 0
  },
  young: age,
  hush: ({ page, effects }) => {
    const { browser, young } = page.identity ?? {}
    if (page.is === 'known') effects.push(['tell', { browser, young, tickets: [], held: [] }])
  },
}

/** What a page is after an event, and what it does about it. It changes nothing itself. */
export function step(state: State, [on, ...args]: Event): readonly [State, readonly Effect[]] {
  const turn = beginTurn(state)
  const handle = HANDLERS[on] as (turn: Turn, ...args: unknown[]) => void
  handle(turn, ...args)
  recompute(turn)
  block(turn)
  send(turn)
  plan(turn)
  const { identity } = turn.page
  if (identity?.browser && identity.young && !turn.timers.has('young')) start(turn, 'young', YOUTH)
  const { effects, ...next } = turn
  return [next, effects]
}

/** Nothing has to be waited for any more. */
function wake({ timers }: Turn): void {
  for (const name of ['post', 'send', 'space'] as const) timers.delete(name)
}

/** A machine that slept, and a browser that has kept a page, have counted no time. */
function awake(turn: Turn): void {
  wake(turn)
  turn.timers.delete('renew')
}

function send(turn: Turn): void {
  if (!canSend(turn) || turn.timers.has('send')) return
  for (const key of drafts(turn)) turn.effects.push(['send', dispatch(turn, key, false)])
}

function answered(turn: Turn, key: string, answer: SetAnswer | undefined): void {
  if (answer?.ok) acknowledge(turn, key, answer.stamp)
  else if (answer && !LATER.includes(answer.code)) refuse(turn, key, answer)
  else {
    release(turn, key, !answer)
    if (answer) rest(turn, 'send', LATER_WAIT)
  }
}
