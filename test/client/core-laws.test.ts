import { describe, expect, it } from '@jest/globals'
import { shownOf } from '../../client/core/field.js'
import type { Effect, Event } from '../../client/core/messages.js'
import { beginPage, type Page } from '../../client/core/page.js'
import { step } from '../../client/core/step.js'
import type { JsonValue } from '../../shared/json.js'
import type { AnySnapshot, Sync, SyncAnswer } from '../../shared/protocol.js'
import { BareServer, type Visit } from '../support/bare-server.js'
import { fc } from '../support/property.js'
import { atScale } from '../support/scale.js'

const DEFAULTS = { division: 0, cart: [] }
const KEYS = ['division', 'cart'] as const
const OWN: Visit = { who: 'g', kept: true }

/** One thing that happens; of what is under way the number says which. */
type Move =
  | readonly [what: (typeof SETS)[number], key: (typeof KEYS)[number]]
  | readonly [what: (typeof OFTEN)[number] | (typeof AT_TIMES)[number] | (typeof SELDOM)[number], n: number]
const SETS = ['set', 'delete'] as const
const OFTEN = ['add', 'add', 'theirs', 'computed', 'time', 'push'] as const
const AT_TIMES = ['reply', 'reply', 'lost', 'late'] as const
const SELDOM = ['cut', 'crash', 'leave', 'return'] as const

const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom(...SETS), fc.constantFrom(...KEYS)) },
  { weight: 9, arbitrary: fc.tuple(fc.constantFrom(...OFTEN), fc.nat(20)) },
  { weight: 8, arbitrary: fc.tuple(fc.constantFrom(...AT_TIMES), fc.nat(20)) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...SELDOM), fc.nat(1)) },
)

/** Something under way that the server may take now, or later, and whose answer may be lost. */
interface UnderWay {
  readonly sync: Sync
  readonly isPost: boolean
  readonly isFirst: boolean
}

/** A page, its server, and a network that does what a story says. */
class World {
  readonly server = new BareServer(DEFAULTS)
  readonly page: Page
  readonly settled = new Map<string, string>()
  /** Names of what the page has computed, by the number of the call. */
  readonly added = new Map<number, string>()
  /** By the id of a computed change all that it adds. */
  calls = 0
  #underWay: UnderWay[] = []
  /** POSTs that were given up, and may still arrive. */
  #late: Sync[] = []
  #pushes: string[] = []
  #isConnected = false

  constructor(hasSocket: boolean) {
    const snapshot = { who: 'g', guest: true, held: [], values: {}, defaults: DEFAULTS, stamps: {} }
    this.page = beginPage(snapshot as unknown as AnySnapshot, hasSocket)
    this.#do(['begin'])
    if (hasSocket) this.#connect()
  }

  play(what: Move): void {
    const [name, n] = what
    if (name === 'set') this.#call(n, n === 'cart' ? [`s${this.calls}`] : this.calls)
    else if (name === 'delete') this.#call(n, undefined)
    else if (name === 'add') this.#add()
    else if (name === 'theirs') this.#pushes.push(this.server.write('cart', [`t${this.server.taken.length}`]))
    else if (name === 'computed') this.#compute()
    else if (name === 'cut') this.#cut()
    else if (name === 'crash') this.#cut(() => this.server.crash())
    else if (name === 'leave') this.#do(['leave'])
    else if (name === 'return') this.#do(['return'])
    else if (name === 'time') this.#time(Number(n))
    else if (name === 'push') this.#push()
    else if (name === 'late') this.#arrive()
    else this.#reply(Number(n), name === 'lost')
  }

  /** From now on all goes well. */
  rest(): void {
    this.#do(['return'])
    this.#do(['flush'])
    if (this.page.reach !== 'none' && !this.#isConnected) this.#connect()
    for (let count = 0; count < 500; count += 1) {
      if (this.#underWay.length > 0) this.#reply(0, false)
      else if (this.#pushes.length > 0) this.#push()
      else if (!this.#time(count)) return
    }
    throw new Error('it never comes to rest')
  }

  shown(key: string): JsonValue | undefined {
    const field = this.page.fields.get(key)
    return field && shownOf(field)
  }

  #call(key: string | number, value: JsonValue | undefined): void {
    this.calls += 1
    this.#do(['set', { id: `${this.calls}` }, [[String(key), value]]])
  }

  #add(): void {
    this.calls += 1
    const name = `m${this.calls}`
    this.added.set(this.calls, name)
    this.#do(['set', { id: `${this.calls}`, next: (cart) => [...(cart as string[]), name] }, [['cart', undefined]]])
  }

  /** Another page adds an item. */
  #compute(): void {
    const { value } = this.server.registers.get('cart') ?? {}
    const id = `other-${this.server.taken.length}`
    this.#pushes.push(this.server.write('cart', [...((value ?? []) as string[]), id], id))
  }

  #connect(): void {
    this.#isConnected = true
    this.#do(['connect'])
  }

  #cut(happen = (): void => undefined): void {
    if (!this.#isConnected) {
      happen()
      return
    }
    this.#isConnected = false
    this.#do(['disconnect'])
    // What was on its way has arrived, or not; no answer comes in any case.
    for (const one of this.#underWay.filter(({ isPost }) => !isPost)) {
      if (this.calls % 2 > 0) this.#take(one)
      this.#do(['synced', one.sync, undefined])
    }
    this.#underWay = this.#underWay.filter(({ isPost }) => isPost)
    this.#pushes = []
    happen()
    this.#connect()
  }

  #push(): void {
    const ticket = this.#pushes.shift()
    if (ticket && this.#isConnected) this.#do(['ticket', ticket])
  }

  /** A POST that the page has given up arrives. */
  #arrive(): void {
    const sync = this.#late.shift()
    if (sync) this.#take({ sync, isPost: true, isFirst: false })
  }

  /** The server takes it, and tells the page's connection what was set by POST. */
  #take({ sync, isPost, isFirst }: UnderWay): SyncAnswer {
    const answer = this.server.answer(sync, OWN, isPost, isFirst)
    if (isPost) this.#pushes.push(...(sync.tickets ?? []), ...(answer.ticket ? [answer.ticket] : []))
    return answer
  }

  #reply(n: number, isLost: boolean): void {
    const socket = this.#underWay.findIndex(({ isPost }) => !isPost)
    // A socket keeps its order.
    const at = socket < 0 || n % 2 > 0 ? this.#underWay.findIndex(({ isPost }) => isPost) : socket
    const [one] = this.#underWay.splice(at < 0 ? socket : at, 1)
    if (!one) return
    const { sync, isPost } = one
    const isTaken = !isLost || n % 3 > 0
    const answer = isTaken ? this.#take(one) : undefined
    if (isLost && !isTaken && isPost) this.#late.push(sync)
    if (isPost) this.#do(['posted', isLost || !answer ? { status: 0, wait: 0 } : { status: 200, wait: 0, answer }])
    else this.#do(['synced', sync, isLost ? undefined : answer])
  }

  #time(n: number): boolean {
    const names = [...this.page.timers].filter((name) => name !== 'renew')
    const name = names[n % Math.max(1, names.length)]
    if (name) this.#do(['timer', name])
    return !!name
  }

  #do(event: Event): void {
    const queue = [event]
    for (let next = queue.shift(); next; next = queue.shift()) {
      for (const effect of step(this.page, next)) queue.push(...this.#effect(effect))
    }
  }

  #effect(effect: Effect): readonly Event[] {
    const [what] = effect
    if (what === 'queue') return [['turn']]
    if (what === 'reconnect') return [['disconnect'], ['connect']]
    if (what === 'send') {
      const isFirst = this.page.reach === 'greeting'
      this.#underWay.push({ sync: copy(effect[1]), isPost: false, isFirst })
    }
    if (what === 'post' && !effect[2]) this.#late.push(copy(effect[1]))
    else if (what === 'post') this.#underWay.push({ sync: copy(effect[1]), isPost: true, isFirst: false })
    if (what === 'release') {
      this.#late.push(...this.#underWay.filter(({ isPost }) => isPost).map(({ sync }) => sync))
      this.#underWay = this.#underWay.filter(({ isPost }) => !isPost)
    }
    if (what !== 'settle') return []
    for (const { id } of effect[1]) if (!this.settled.has(id)) this.settled.set(id, effect[2]?.code ?? 'saved')
    return []
  }
}

const copy = (sync: Sync): Sync => JSON.parse(JSON.stringify(sync))

function lived(hasSocket: boolean, moves: readonly Move[]): World {
  const world = new World(hasSocket)
  for (const each of moves) world.play(each)
  world.rest()
  return world
}

const story = fc.tuple(fc.boolean(), fc.array(move, { maxLength: 50 }))
const RUNS = { numRuns: Number(process.env['RUNS'] ?? atScale(300, 1000)) }

describe('a page and a fair server, whatever was lost, late or told twice', () => {
  it('agree in the end', () => {
    fc.assert(
      fc.property(story, ([hasSocket, moves]) => {
        const world = lived(hasSocket, moves)
        for (const key of KEYS) {
          const { value } = world.server.registers.get(key) ?? {}
          if (hasSocket) expect([key, world.shown(key)]).toEqual([key, value === undefined ? DEFAULTS[key] : value])
        }
      }),
      RUNS,
    )
  })

  it('leave no promise open', () => {
    fc.assert(
      fc.property(story, ([hasSocket, moves]) => {
        const { settled, calls } = lived(hasSocket, moves)
        expect([...Array(calls)].flatMap((_, i) => (settled.has(`${i + 1}`) ? [] : [i + 1]))).toEqual([])
      }),
      RUNS,
    )
  })

  it('refuse nothing that was computed, and take it once', () => {
    const computed = fc.array(
      move.filter(([what]) => what !== 'set' && what !== 'delete' && what !== 'theirs' && what !== 'leave'),
      { maxLength: 50 },
    )
    fc.assert(
      fc.property(fc.boolean(), computed, (hasSocket, moves) => {
        const { settled, added, server } = lived(hasSocket, moves)
        const cart = (server.registers.get('cart')?.value ?? []) as readonly string[]
        for (const [call, name] of added) {
          expect([name, settled.get(`${call}`)]).toEqual([name, 'saved'])
          expect([name, cart.filter((item) => item === name).length]).toEqual([name, 1])
        }
      }),
      RUNS,
    )
  })
})
