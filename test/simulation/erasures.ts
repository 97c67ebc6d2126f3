import type { Register } from './registers.js'

/** Until which stamp all that a user had was erased. */
export class Erasures {
  readonly #until = new Map<string, number>()

  add(user: string, until: number): void {
    this.#until.set(user, Math.max(until, this.until(user)))
  }

  until(user: string): number {
    return this.#until.get(user) ?? 0
  }

  /** The stamp of what a sign-in brings along: nothing that counts has an earlier one. */
  first(sub: string | undefined): number {
    return 1 + (sub === undefined ? 0 : this.until(sub))
  }

  /** Whether a register is not among them. */
  isLasting(sub: string, { stamp }: Register): boolean {
    return stamp > this.until(sub)
  }
}
