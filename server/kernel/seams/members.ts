import { Outcome } from '../exchange/outcome.js'
import type { Members } from './part.js'

/** An object that reports the errors of a handle's members that no code awaits. */
interface Reporting {
  readonly report: (error: unknown) => void
}

/** A class of handles, of requests or of sockets, with what it gives to the members of parts. */
interface HandleClass<H extends Reporting, U> {
  readonly prototype: H
  useOf(this: void, handle: H): U
}

/** Adds members of parts to a class of handles. */
export function addMembers<H extends Reporting, U, C>(
  Handles: C & HandleClass<H, U>,
  parts: readonly (Members<U> | undefined)[],
): C {
  for (const [name, member] of parts.flatMap((members) => Object.entries(members ?? {}))) {
    const value = function (this: H, ...args: never[]): Promise<unknown> {
      return Outcome.of(() => member(Handles.useOf(this), ...args), this.report)
    }
    Object.defineProperty(Handles.prototype, name, { value, configurable: true, writable: true })
  }
  return Handles
}
