import type { Register } from './registers.js'

/** Until which stamp all that a user had was erased. */
export class Erasures {
  readonly #until = new Map<string, number>()

  add(user: string, until: number): void {
    this.#until.set(user, Math.max(until, this.until(user)))
  }

  /** What such a user had brought along before comes with no later ticket or cookie again. */
  has(user: string): boolean {
    return this.#until.has(user)
  }

  until(user: string): number {
    return this.#until.get(user) ?? 0
  }

  /** Whether a register is not among them: what a sign-in brings along has no date. */
  isLasting(sub: string, { stamp }: Register): boolean {
    return stamp === 1 || stamp > this.until(sub)
  }
}
