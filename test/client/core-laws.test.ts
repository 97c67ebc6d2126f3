import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { beginPage } from '../../client/core/begin.js'
import { NO_CALLER } from '../../client/core/changes.js'
import type { Effect, Event, PostBody, TimerName } from '../../client/core/messages.js'
import type { State } from '../../client/core/state.js'
import { step } from '../../client/core/step.js'
import { shown } from '../../client/core/view.js'
import type { LiveSessionErrorCode } from '../../shared/errors.js'
import type { AnySnapshot } from '../../shared/protocol.js'
import type { WireRegister } from '../../shared/register.js'
import type { Stamp } from '../../shared/stamp.js'
import { type BareClaims, bareTicket } from '../support/bare-ticket.js'
import type { Plain } from '../support/plain.js'
import { stamp } from '../support/stamp.js'

const KEYS = ['division', 'cart'] as const
const TIMERS: readonly TimerName[] = ['post', 'lead', 'space', 'send', 'link', 'greet', 'calm', 'young', 'hush']
const DEFAULTS = { division: 'default', cart: 'default' }

/** Who is at the browser, by its cookie; the last has none. */
const VISITORS: readonly BareClaims[] = [
  { sub: 'g', browser: 'g' },
  { sub: 'h', browser: 'h' },
  { sub: 'ann', browser: 'b' },
  { sub: 'ann', browser: 'b', epoch: 1 },
  { sub: 'none' },
]
const nameOf = ({ sub, epoch = 0 }: Pick<BareClaims, 'sub' | 'epoch'>): string => `${sub}/${epoch}`

const visitor = fc.constantFrom(...VISITORS)
const key = fc.constantFrom(...KEYS)
const anyStamp = fc.integer({ min: 1, max: 30 }).map(stamp)
const held = fc.array(fc.tuple(key, anyStamp), { maxLength: 2 })
const code = fc.constantFrom<LiveSessionErrorCode>(
  'invalid_value',
  'superseded',
  'rate_limited',
  'closed',
  'other_subject',
  'cookies_blocked',
  'bad_ticket',
  'bad_origin',
)

/** What happens; values say under whom they were set. */
type Move = (page: Page) => Event | undefined

interface Page {
  state: State
  readonly snapshot: AnySnapshot | undefined
  sets: number
}

const owner = ({ state }: Page): string => {
  const { identity } = state.page
  return identity ? nameOf(identity) : 'unknown'
}
const greeting = (claims: BareClaims, changes: readonly Plain<WireRegister>[] = []): string =>
  bareTicket({ defaults: DEFAULTS, ...claims, changes })
const valued = (claims: BareClaims, changed: readonly (readonly [string, number])[]): readonly Plain<WireRegister>[] =>
  changed.map(([name, at]) => [name, at, `${nameOf(claims)} ${at}`])

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 6,
    arbitrary: key.map(
      (name): Move =>
        (page) => {
          page.sets += 1
          return ['set', name, `${owner(page)} own`, page.sets]
        },
    ),
  },
  fc.constantFrom<Move>(
    () => ['connect'],
    () => ['disconnect'],
    () => ['reconnect'],
    () => ['wake'],
    () => ['flush'],
    () => ['leave'],
    () => ['return'],
    () => ['refused', 'other_subject'],
    () => ['refused', 'rate_limited'],
    () => ['refused', undefined],
  ),
  { weight: 4, arbitrary: fc.constant<Move>(() => ['turn']) },
  fc.tuple(visitor, held).map(
    ([claims, changed]): Move =>
      ({ state }) =>
        state.link === 'up' || state.link === 'down'
          ? ['ticket', greeting(claims, valued(claims, changed))]
          : undefined,
  ),
  fc.tuple(visitor, held).map(
    ([claims, changed]): Move =>
      () => ['ticket', bareTicket({ ...claims, changes: valued(claims, changed) })],
  ),
  fc.tuple(key, fc.option(anyStamp, { nil: undefined })).map(
    ([name, at]): Move =>
      () => ['answer', name, at === undefined ? undefined : { ok: true, stamp: at, level: 'memory' }],
  ),
  fc.tuple(key, code).map(
    ([name, reason]): Move =>
      () => ['answer', name, { ok: false, code: reason }],
  ),
  fc.tuple(visitor, held, fc.option(anyStamp, { nil: undefined }), fc.boolean()).map(
    ([claims, seen, at, isCookieless]): Move =>
      ({ state }) => {
        // The server answers nothing to a page that names another browser.
        if (state.posting.is !== 'sent') return undefined
        const isOwn = state.posting.isAsk || state.page.identity?.browser === claims.browser
        if (!isOwn) return ['posted', { status: 403, wait: 0, error: { code: 'other_subject' } }]
        const ticket = state.posting.isAsk ? { ticket: greeting(claims) } : {}
        const answer = { stored: 0, stale: 0, held: seen, ...(at && { stamp: at }), ...ticket }
        return ['posted', { status: 200, wait: 0, answer: isCookieless ? { ...answer, cookieless: true } : answer }]
      },
  ),
  fc.tuple(code, fc.option(fc.nat(2), { nil: undefined })).map(
    ([reason, index]): Move =>
      () => [
        'posted',
        {
          status: reason === 'rate_limited' ? 429 : 403,
          wait: 0,
          error: { code: reason, ...(index === undefined ? {} : { index }) },
        },
      ],
  ),
  fc.constantFrom(0, 404, 503).map(
    (status): Move =>
      () => ['posted', { status, wait: 0 }],
  ),
  fc.constantFrom(...TIMERS).map(
    (name): Move =>
      () => ['timer', name],
  ),
  fc.tuple(visitor, held).map(
    ([claims, seen]): Move =>
      () => [
        'news',
        {
          browser: claims.browser,
          tickets: [bareTicket({ ...claims, changes: valued(claims, seen) }), ''],
          held: seen,
        },
      ],
  ),
)

const SNAPSHOTS: readonly (AnySnapshot | undefined)[] = [
  undefined,
  { subject: 'g', browser: 'g', epoch: 0, values: {}, defaults: DEFAULTS, stamps: {} },
  {
    subject: 'ann',
    browser: 'b',
    epoch: 0,
    values: { cart: 'ann/0 3' },
    defaults: DEFAULTS,
    stamps: { cart: stamp(3) },
  },
  { subject: 'g', epoch: 0, values: {}, defaults: DEFAULTS, stamps: {} },
]
const story = fc.tuple(fc.constantFrom(...SNAPSHOTS), fc.boolean(), fc.array(move, { maxLength: 60 }))

/** Plays a story, and has each step looked at. */
function play(
  [snapshot, hasSocket, moves]: [AnySnapshot | undefined, boolean, Move[]],
  look: (before: State, event: Event, after: State, effects: readonly Effect[]) => void,
): Page {
  const page: Page = { state: beginPage(snapshot, hasSocket), snapshot, sets: 0 }
  for (const next of moves) {
    const event = next(page)
    if (!event) continue
    const before = page.state
    const [after, effects] = step(before, event)
    look(before, event, after, effects)
    page.state = after
  }
  return page
}

/** The state as it is at this moment. */
const image = (state: State): string =>
  JSON.stringify(state, (_, value) => (value instanceof Map || value instanceof Set ? [...value] : value))

function settledIn(effects: readonly Effect[], settled: Map<number, string>): void {
  for (const effect of effects) {
    if (effect[0] !== 'settle') continue
    for (const id of effect[1]) {
      if (id === NO_CALLER) continue
      expect(settled.get(id)).toBeUndefined()
      settled.set(id, effect[3]?.code ?? 'saved')
    }
  }
}

describe('the core of a page, whatever happens', () => {
  it('changes nothing that it was given, and answers the same each time', () => {
    fc.assert(
      fc.property(story, (told) => {
        play(told, (before, event, after, effects) => {
          const was = image(before)
          expect(step(before, event)).toEqual([after, effects])
          expect(image(before)).toBe(was)
        })
      }),
    )
  })

  it('settles each promise once at the most', () => {
    fc.assert(
      fc.property(story, (told) => {
        const settled = new Map<number, string>()
        play(told, (_, __, ___, effects) => settledIn(effects, settled))
      }),
      { numRuns: 500 },
    )
  })

  it('shows and sends nothing of another visitor than the page’s, where no browser id is young', () => {
    fc.assert(
      fc.property(story, (told) => {
        play(told, (_, __, after, effects) => {
          const { identity } = after.page
          const isOwn = (value: unknown): boolean => {
            const [of = ''] = String(value).split(' ')
            if (of === 'default' || value === undefined || of === 'unknown') return true
            // Of a connection that does not say whose it is the page knows no more than the subject.
            if (!identity) return after.subjects.includes(`${of.replace('/', ' ')} `)
            return of === nameOf(identity)
          }
          for (const name of KEYS)
            expect([shown(after, name), isOwn(shown(after, name))]).toEqual([shown(after, name), true])
          for (const effect of effects) {
            if (effect[0] === 'send') expect(isOwn(effect[1][2])).toBe(true)
            if (effect[0] !== 'post' && effect[0] !== 'postLast') continue
            const { subject, set = [] } = effect[1]
            if (set.length > 0) expect(subject).toBe(identity?.browser)
            for (const [, , value] of set) expect(isOwn(value)).toBe(true)
          }
        })
      }),
      { numRuns: 1000 },
    )
  })

  it('has one POST under way at the most, and sends no key twice at once', () => {
    fc.assert(
      fc.property(story, (told) => {
        let posts = 0
        play(told, (_, [on], after, effects) => {
          if (on === 'posted') posts = 0
          for (const [what] of effects) {
            if (what === 'abort') posts -= 1
            if (what === 'post') posts += 1
          }
          expect(posts).toBe(after.posting.is === 'sent' ? 1 : 0)
          const sent = effects.flatMap((effect) => (effect[0] === 'send' ? effect[1][0] : []))
          expect(new Set(sent).size).toBe(sent.length)
        })
      }),
    )
  })

  it('leaves nothing undecided once everything goes well again', () => {
    fc.assert(
      fc.property(story, (told) => {
        const settled = new Map<number, string>()
        const page = play(told, (_, __, ___, effects) => settledIn(effects, settled))
        rest(page, settled)
        expect([...Array(page.sets)].map((_, i) => settled.has(i + 1))).toEqual([...Array(page.sets)].map(() => true))
      }),
      { numRuns: 1000 },
    )
  })
})

/** A server and a browser that do all they should, and time that passes. */
function rest(page: Page, settled: Map<number, string>): void {
  const cookie = { sub: 'g', browser: 'g' }
  const saved = new Map<string, Stamp>()
  let now = stamp(100)
  const queue: Event[] = []
  const happen = (event: Event): void => {
    const [after, effects] = step(page.state, event)
    page.state = after
    settledIn(effects, settled)
    for (const effect of effects) {
      if (effect[0] === 'reconnect') queue.push(['disconnect'], ['connect'], ['ticket', greeting(cookie)])
      if (effect[0] === 'queue') queue.push(['turn'])
      if (effect[0] === 'send') {
        now = stamp(now + 1)
        const [name, , value] = effect[1]
        queue.push([
          'ticket',
          bareTicket({ ...cookie, changes: [value === undefined ? [name, now] : [name, now, value]] }),
        ])
        queue.push(['answer', name, { ok: true, stamp: now, level: 'memory' }])
      }
      if (effect[0] === 'post') queue.push(answerTo(effect[1]))
    }
  }
  const answerTo = (body: PostBody): Event => {
    now = stamp(now + 1)
    const stored = [...saved]
    for (const name of KEYS) saved.set(name, now)
    const answer = {
      stored: 0,
      stale: 0,
      held: stored,
      stamp: now,
      ticket: body.subject ? bareTicket(cookie) : greeting(cookie),
    }
    const isOwn = body.subject === undefined || body.subject === cookie.browser
    if (!isOwn) return ['posted', { status: 403, wait: 0, error: { code: 'other_subject' } }]
    return ['posted', { status: 200, wait: 0, answer }]
  }
  // Whatever is under way is lost.
  for (const name of KEYS) queue.push(['answer', name, undefined])
  queue.push(['posted', { status: 0, wait: 0 }], ['turn'], ['return'], ['flush'])
  if (page.state.link !== 'none') queue.push(['disconnect'], ['connect'], ['ticket', greeting(cookie)])
  for (let count = 0; count < 300; count += 1) {
    const event = queue.shift()
    if (event) happen(event)
    else if (settled.size < page.sets)
      for (const name of page.state.timers) if (name !== 'young') queue.push(['timer', name])
    if (!event && queue.length === 0) return
  }
}
