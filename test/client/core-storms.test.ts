import { expect, it } from '@jest/globals'
import type { Effect, Event, Posted, TimerName } from '../../client/core/events.js'
import { beginPage } from '../../client/core/html.js'
import type { Page } from '../../client/core/page.js'
import { step } from '../../client/core/step.js'
import type { LiveSessionErrorCode } from '../../shared/codes.js'
import type { AnySnapshot, PageAnswer, PageMessage, Refusal } from '../../shared/protocol.js'
import type { Plain } from '../support/app/plain.js'
import { fc } from '../support/app/property.js'
import { atScale } from '../support/app/scale.js'
import { MINUTE } from '../support/app/times.js'
import { bareTicket } from '../support/page/bare-ticket.js'

const LATENCY = 20
/** The most requests and connections of a page per minute; retrying at network speed would make 3000. */
const MOST = 1500

const who = fc.constantFrom('g', 'h', undefined)
const answer = fc.record({
  who,
  hasCookie: fc.boolean(),
  otherVisitor: fc.boolean(),
  greets: fc.boolean(),
  knows: fc.boolean(),
  code: fc.constantFrom<LiveSessionErrorCode | undefined>(
    undefined,
    'superseded',
    'conflict',
    'rate_limited',
    'invalid_value',
  ),
  unsaved: fc.boolean(),
})
type Said = typeof answer extends fc.Arbitrary<infer A> ? A : never
const code = fc.constantFrom<LiveSessionErrorCode>(
  'bad_ticket',
  'other_visitor',
  'rate_limited',
  'malformed',
  'bad_origin',
  'closed',
)

type Reply = Said | LiveSessionErrorCode | undefined
const reply: fc.Arbitrary<Reply> = fc.oneof({ weight: 4, arbitrary: answer }, code, fc.constant(undefined))

function answerOf(
  { who, hasCookie, otherVisitor, greets, knows, code, unsaved }: Said,
  { set = [] }: PageMessage,
  now: number,
  isPost: boolean,
): PageAnswer {
  const changes = knows ? [['a', now, now] as const] : []
  const plain: Plain<PageAnswer> = {
    who,
    hasCookie: (hasCookie && who !== undefined) || undefined,
    otherVisitor: otherVisitor || undefined,
    greeting: greets ? [bareTicket({ defaults: { a: 0 }, guest: true, changes })] : undefined,
    unsaved: unsaved ? ['a', 'b'] : undefined,
    persisted: [],
    // Over a socket, refusals bring no newer value, because other writers would have to be as fast as the network.
    results: set.map(() =>
      code
        ? { code, stamp: isPost ? now : undefined, value: isPost ? now : undefined }
        : { stamp: now, level: 'memory' },
    ),
  }
  return plain as PageAnswer
}

const refusal = fc.constantFrom<string | undefined>(undefined, undefined, undefined, 'other_visitor', 'rate_limited')

/** A server that repeats its answers in turn. */
const server = fc.record({
  posts: fc.array(reply, { minLength: 1, maxLength: 3 }),
  messages: fc.array(reply, { minLength: 1, maxLength: 3 }),
  refusals: fc.array(refusal, { minLength: 1, maxLength: 3 }),
})
type Server = typeof server extends fc.Arbitrary<infer S> ? S : never

const nth = <T>(list: readonly T[], n: number): T | undefined => list[n % list.length]

const SNAPSHOTS = [
  undefined,
  { who: 'g', guest: true, persisted: [], values: { b: 1 }, defaults: { a: 0 }, stamps: { b: 5 }, unsaved: ['b'] },
  { who: 'g', guest: true, values: {}, defaults: { a: 0 }, stamps: {} },
  { who: 'ann', persisted: [], values: {}, defaults: { a: 0 }, stamps: {} },
] as const

function minute(told: Server, snapshot: (typeof SNAPSHOTS)[number], hasSocket: boolean): readonly string[] {
  const page: Page = beginPage(snapshot as unknown as AnySnapshot | undefined, hasSocket)
  const made: string[] = []
  let now = 0
  const due: { readonly at: number; readonly event: Event }[] = []
  const timers = new Map<TimerName, number>()
  let [posts, messages, connections] = [0, 0, 0]
  const later = (event: Event, ms = LATENCY): void => void due.push({ at: now + ms, event })

  const connect = (): void => {
    made.push('connect')
    const code = nth(told.refusals, connections)
    connections += 1
    later(code ? ['refused', code] : ['connect'])
  }
  const answered = (message: PageMessage, timeout: number): void => {
    made.push('message')
    const said = nth(told.messages, messages)
    messages += 1
    const refused: Refusal | undefined = typeof said === 'string' ? { ok: false, code: said } : undefined
    const answer = typeof said === 'object' ? answerOf(said, message, 1_000_000 + now, false) : refused
    later(['answered', message, answer], answer ? LATENCY : timeout)
  }
  const posted = (message: PageMessage, timeout?: number): void => {
    made.push('post')
    const said = nth(told.posts, posts)
    posts += 1
    if (!timeout) return
    const error = typeof said === 'string' ? { code: said, index: 0 } : undefined
    const result: Posted =
      typeof said === 'object'
        ? { wait: 0, answer: answerOf(said, message, 1_000_000 + now, true) }
        : { wait: 0, error }
    later(['posted', result])
  }
  const act = ([what, ...args]: Effect): void => {
    if (what === 'queue') later(['lock'], 1)
    if (what === 'send') answered(args[0] as PageMessage, Number(args[1]))
    if (what === 'post') posted(args[0] as PageMessage, args[1] as number | undefined)
    if (what === 'reconnect') {
      step(page, ['disconnect'])
      forget('answered')
      connect()
    }
    if (what === 'abort') forget('posted')
    if (what === 'timer') timers.set(args[0] as TimerName, now + Number(args[1]))
  }
  const forget = (on: Event[0]): void => {
    for (const [i, { event }] of [...due.entries()].reverse()) if (event[0] === on) due.splice(i, 1)
  }
  const happen = (event: Event): void => {
    for (const effect of step(page, event)) act(effect)
  }

  happen(['begin'])
  if (hasSocket) connect()
  happen(['set', { id: '1' }, [['a', 1]]])
  happen(['set', { id: '2', next: (b) => Number(b ?? 0) + 1 }, [['b', undefined]]])
  while (now <= MINUTE && made.length < 2 * MOST) {
    const [name, at = Infinity] = [...timers].sort(([, a], [, b]) => a - b)[0] ?? []
    due.sort((a, b) => a.at - b.at)
    const next = due[0]
    if (next && next.at <= at) {
      due.shift()
      now = next.at
      happen(next.event)
    } else if (name) {
      timers.delete(name)
      now = at
      happen(['timer', name])
    } else break
  }
  return made
}

it('a page makes no storm of requests, whatever its server answers', () => {
  fc.assert(
    fc.property(server, fc.constantFrom(...SNAPSHOTS), fc.boolean(), (told, snapshot, hasSocket) => {
      expect(minute(told, snapshot, hasSocket).length).toBeLessThan(MOST)
    }),
    { numRuns: Number(process.env['RUNS'] ?? atScale(300, 1000)) },
  )
})
