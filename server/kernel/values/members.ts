import type { Members } from '../seams.js'
import { Outcome } from './outcome.js'

/** What members of a handle are given, and who is told of their errors that no code awaits. */
type Uses<U> = readonly [use: U, report: (error: unknown) => void]

/** Adds members of parts to the prototype of a class of handles. */
export function addMembers<H extends object, U>(
  handles: { readonly prototype: H },
  parts: readonly (Members<U> | undefined)[],
  usesOf: (handle: H) => Uses<U>,
): void {
  for (const [name, member] of parts.flatMap((members) => Object.entries(members ?? {}))) {
    const value = function (this: H, ...args: never[]): Promise<unknown> {
      const [use, report] = usesOf(this)
      return Outcome.of(() => member(use, ...args), report)
    }
    Object.defineProperty(handles.prototype, name, { value, configurable: true, writable: true })
  }
}
