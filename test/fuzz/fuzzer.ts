import { setImmediate } from 'node:timers/promises'
import { LiveSessionError } from '../../shared/errors.js'
import type { Actor } from './actor.js'
import { ChangeSource } from './changes.js'
import { CookieSource } from './cookies.js'
import { Dice } from './dice.js'
import { EventSource, type RawEvent } from './event-source.js'
import { Judge } from './judge.js'
import { answerOf, type RawRequest } from './light-http.js'
import { OddValues } from './odd-values.js'
import { RequestSource } from './request-source.js'
import { Tally } from './tally.js'
import { TicketSource } from './tickets.js'
import { Watch } from './watch.js'
import { Wire } from './wire.js'
import type { World } from './world.js'

/** One of so many inputs goes over the network too. */
const WIRED = 40

/** Throws inputs at a world, one after the other, and looks after each at what has become of it. */
export class Fuzzer {
  readonly tally: Tally
  readonly #seed: number
  readonly #world: World
  readonly #judge: Judge
  readonly #watch: Watch
  readonly #wire: Wire
  readonly #requests: RequestSource
  readonly #events: EventSource

  constructor(world: World, seed: number) {
    this.tally = new Tally(seed)
    this.#seed = seed
    this.#world = world
    this.#judge = new Judge(world, this.tally)
    this.#watch = new Watch(world)
    this.#wire = new Wire(world)
    const odd = new OddValues(seed)
    const [tickets, changes] = [new TicketSource(world, odd), new ChangeSource(world, odd)]
    this.#requests = new RequestSource(world, odd, new CookieSource(world, odd), tickets, changes)
    this.#events = new EventSource(odd, tickets, changes)
  }

  async run(inputs: number): Promise<void> {
    for (let index = 0; index < inputs && !this.tally.isFull; index += 1) {
      const dice = Dice.of(this.#seed, index)
      this.tally.begin()
      await dice.one(
        [10, () => this.#request(this.#sender(dice), (actor) => this.#requests.post(dice, actor), index)],
        [4, () => this.#request(this.#sender(dice), (actor) => this.#requests.visit(dice, actor), index)],
        [1, () => this.#handshake(dice, this.#sender(dice))],
        [10, () => this.#event(dice, index)],
      )
      await this.#world.settle()
    }
    // What was left undone by the last input, or went wrong behind its back, comes out now.
    await setImmediate()
    this.tally.countSteps()
  }

  #sender(dice: Dice): Actor {
    return dice.chance(0.15) ? this.#world.stranger : dice.pick(this.#world.attackers)
  }

  async #request(actor: Actor, make: (actor: Actor) => RawRequest, index: number): Promise<void> {
    const request = make(actor)
    const isWired = index % WIRED === 0 && this.#wire.carries(request)
    await this.#observe(actor, request, async () => {
      const answer = await answerOf(this.#world.listener, request)
      return this.#judge.request(actor, request, answer)
    })
    if (!isWired) return
    this.tally.beginWire()
    await this.#observe(actor, request, async () => {
      const answer = await this.#wire.request(request)
      if (answer) return this.#judge.request(actor, request, answer)
      // A body that is too long is not read to its end: the refusal may be lost with the connection.
      if (request.body.length < 60_000) this.tally.harm('crash', 'no answer', request)
      return false
    })
  }

  async #event(dice: Dice, index: number): Promise<void> {
    const { attackers, cookieless } = this.#world
    const actor = dice.pick([...attackers, cookieless])
    const raw = this.#events.event(dice, actor)
    await this.#observe(actor, raw, async () => {
      const answers = await this.#emit(actor, raw)
      return this.#judge.event(actor, raw, answers)
    })
    if (index % WIRED !== 0 || raw.ack !== 'last' || actor === cookieless) return
    this.tally.beginWire()
    await this.#observe(actor, raw, async () => {
      const answers = await this.#wire.event(actor, raw)
      this.#judge.sent(actor, this.#wire.received(actor))
      // What JSON made of it is what has arrived.
      const args: unknown[] = JSON.parse(JSON.stringify(raw.args))
      return answers ? this.#judge.event(actor, { ...raw, args }, answers) : true
    })
  }

  /** Emits an event to the server's side of the actor's socket; returns what the acknowledgement was called with. */
  async #emit(actor: Actor, { event, args, ack }: RawEvent): Promise<readonly unknown[]> {
    const answers: unknown[] = []
    const answer = (value: unknown): void => void answers.push(value)
    const stray = (): void => this.tally.harm('wrong answer', 'a function that is no acknowledgement was called')
    const placed = { last: [...args, answer], none: args, first: [stray, ...args, 0], twice: [...args, stray, answer] }
    actor.socket?.receive(event, placed[ack])
    // What is sent together goes out a microtask later, and the answer after it.
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

  /** Looks at all actors before and after. Who is refused has changed nothing, and no actor changes what is another's. */
  async #observe(
    actor: Actor,
    input: RawRequest | RawEvent | undefined,
    perform: () => Promise<boolean>,
  ): Promise<void> {
    this.#watch.begin()
    let isAccepted = true
    try {
      isAccepted = await perform()
    } catch (error) {
      this.tally.harm('crash', error instanceof Error ? `${error.stack}` : String(error), input)
    }
    this.#judge.sent(actor, actor.socket?.tickets ?? [])
    for (const changed of this.#watch.changed()) {
      if (changed !== actor) this.tally.harm('forged', `the values of ${changed.name} changed`, input)
      else if (!isAccepted) this.tally.harm('wrong answer', 'refused, and yet values changed', input)
    }
    if (!this.#watch.arePrototypesClean) this.tally.harm('crash', 'a prototype has got another member', input)
    for (const error of this.#world.app.errors.splice(0)) {
      if (!(error instanceof LiveSessionError)) this.tally.harm('crash', `reported: ${error}`, input)
    }
  }
}
