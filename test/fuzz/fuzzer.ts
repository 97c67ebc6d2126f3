import { setImmediate } from 'node:timers/promises'
import { LiveSessionError } from '../../shared/errors.js'
import type { Actor } from './actor.js'
import { changeSource } from './changes.js'
import { cookieSource } from './cookies.js'
import { Dice } from './dice.js'
import { type Events, eventSource, type RawEvent } from './event-source.js'
import { Judge } from './judge.js'
import { answerOf, type RawRequest } from './light-http.js'
import { OddValues } from './odd-values.js'
import { type Requests, requestSource } from './request-source.js'
import { Tally } from './tally.js'
import { ticketSource } from './tickets.js'
import type { World } from './world.js'

const PROTOTYPES = [Object.prototype, Array.prototype, String.prototype, Function.prototype]
const membersOf = (): string => String(PROTOTYPES.map((prototype) => Reflect.ownKeys(prototype).length))

/** Sends inputs to a world, and judges each outcome. */
export class Fuzzer {
  readonly tally: Tally
  readonly #seed: number
  readonly #world: World
  readonly #judge: Judge
  readonly #members = membersOf()
  readonly #requests: Requests
  readonly #events: Events

  constructor(world: World, seed: number) {
    this.tally = new Tally(seed)
    this.#seed = seed
    this.#world = world
    this.#judge = new Judge(world, this.tally)
    const odd = new OddValues(seed)
    const [tickets, changes] = [ticketSource(world, odd), changeSource(world, odd)]
    this.#requests = requestSource(world, odd, cookieSource(world, odd), tickets, changes)
    this.#events = eventSource(odd, tickets, changes)
  }

  async run(inputs: number): Promise<void> {
    for (let index = 0; index < inputs && !this.tally.isFull; index += 1) {
      const dice = Dice.of(this.#seed, index)
      this.tally.begin()
      await dice.one(
        [10, () => this.#request(this.#sender(dice), (actor) => this.#requests.post(dice, actor))],
        [4, () => this.#request(this.#sender(dice), (actor) => this.#requests.visit(dice, actor))],
        [1, () => this.#handshake(dice, this.#sender(dice))],
        [10, () => this.#event(dice)],
      )
      await this.#world.settle()
    }
    // Pending work of the last input ends, and its late errors appear.
    await setImmediate()
    this.tally.countSteps()
  }

  #sender(dice: Dice): Actor {
    return dice.chance(0.15) ? this.#world.stranger : dice.pick(this.#world.attackers)
  }

  async #request(actor: Actor, make: (actor: Actor) => RawRequest): Promise<void> {
    const request = make(actor)
    await this.#observe(actor, request, async () => {
      const answer = await answerOf(this.#world.listener, request)
      return this.#judge.request(actor, request, answer)
    })
  }

  async #event(dice: Dice): Promise<void> {
    const { attackers, cookieless } = this.#world
    const actor = dice.pick([...attackers, cookieless])
    const raw = this.#events.event(dice, actor)
    await this.#observe(actor, raw, async () => this.#judge.event(actor, raw, await this.#emit(actor, raw)))
  }

  /** Emits an event at the server's end of the actor's socket. Returns the argument of each call of the acknowledgement. */
  async #emit(actor: Actor, { event, args, ack }: RawEvent): Promise<readonly unknown[]> {
    const answers: unknown[] = []
    const answer = (value: unknown): void => void answers.push(value)
    const stray = (): void => this.tally.harm('wrong answer', 'a function other than the acknowledgement was called')
    const placed = { last: [...args, answer], none: args, first: [stray, ...args, 0], twice: [...args, stray, answer] }
    actor.socket?.receive(event, placed[ack])
    // Tickets of a turn go out a microtask later, and the answer after them.
    await Promise.resolve()
    return answers
  }

  async #handshake(dice: Dice, actor: Actor): Promise<void> {
    const headers = this.#requests.handshake(dice, actor)
    await this.#observe(actor, undefined, async () => {
      try {
        const socket = await this.#world.open(headers)
        this.#judge.opened(actor, headers, socket)
        socket.disconnect()
      } catch (error) {
        this.#judge.turnedAway(headers, error)
      }
      return true
    })
  }

  /** Compares the values before and after: a refused input must change nothing, and no input may change another actor's values. */
  async #observe(
    actor: Actor,
    input: RawRequest | RawEvent | undefined,
    perform: () => Promise<boolean>,
  ): Promise<void> {
    const before = this.#values()
    let isAccepted = true
    try {
      isAccepted = await perform()
    } catch (error) {
      this.tally.harm('crash', error instanceof Error ? `${error.stack}` : String(error), input)
    }
    this.#judge.sent(actor, actor.socket?.tickets ?? [])
    for (const [changed, values] of this.#values()) {
      if (values === before.get(changed)) continue
      if (changed !== actor) this.tally.harm('forged', `the values of ${changed.name} changed`, input)
      else if (!isAccepted) this.tally.harm('wrong answer', 'refused, and yet values changed', input)
    }
    if (membersOf() !== this.#members) this.tally.harm('crash', 'a prototype has got another member', input)
    for (const error of this.#world.app.errors.splice(0)) {
      if (!(error instanceof LiveSessionError)) this.tally.harm('crash', `reported: ${error}`, input)
    }
  }

  /** The values of each actor, as text. */
  #values(): ReadonlyMap<Actor, string> {
    const { attackers, victims, cookieless, core } = this.#world
    const held = ({ subjects }: Actor): string =>
      JSON.stringify(subjects.map((subject) => core.values.find(subject)?.registers()))
    return new Map([...attackers, ...victims, cookieless].map((actor) => [actor, held(actor)]))
  }
}
