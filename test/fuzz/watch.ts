import type { Actor } from './actor.js'
import type { World } from './world.js'

const PROTOTYPES = [Object.prototype, Array.prototype, String.prototype, Function.prototype]

/** Compares the values of all actors before and after an input. */
export class Watch {
  readonly #world: World
  readonly #members = PROTOTYPES.map((prototype) => Reflect.ownKeys(prototype).length)
  #before = new Map<Actor, string>()

  constructor(world: World) {
    this.#world = world
  }

  begin(): void {
    this.#before = this.#look()
  }

  /** Returns the actors with changed values. */
  changed(): readonly Actor[] {
    const after = this.#look()
    return [...after.keys()].filter((actor) => after.get(actor) !== this.#before.get(actor))
  }

  get arePrototypesClean(): boolean {
    return PROTOTYPES.every((prototype, at) => Reflect.ownKeys(prototype).length === this.#members[at])
  }

  #look(): Map<Actor, string> {
    const { attackers, victims, cookieless, core } = this.#world
    const held = ({ subjects }: Actor): string =>
      JSON.stringify(subjects.map((subject) => core.sessions.find(subject)?.registers()))
    return new Map([...attackers, ...victims, cookieless].map((actor) => [actor, held(actor)]))
  }
}
