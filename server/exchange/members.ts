// Adds features' methods to `ctx.liveSession` and `socket.liveSession`, and reports their unhandled rejections.

import type { Awaitable } from '../../shared/promise.js'
import { Outcome } from './outcome.js'

/** Functions by name. The rejections of their promises never terminate the process. */
export type Members<U> = Readonly<Record<string, (use: U, ...args: never[]) => Awaitable<unknown>>>

/** Reports errors of promises not awaited by the app. */
interface Reporting {
  readonly report: (error: unknown) => void
}

/** A class of handles; `useOf` returns a handle's interface for features. */
interface HandleClass<H extends Reporting, U> {
  readonly prototype: H
  useOf(this: void, handle: H): U
}

/** Adds the members of features to a class of handles. */
export function addMembers<H extends Reporting, U, C>(
  Handles: C & HandleClass<H, U>,
  sets: readonly (Members<U> | undefined)[],
): C {
  for (const [name, member] of sets.flatMap((members) => Object.entries(members ?? {}))) {
    const value = function (this: H, ...args: never[]): Promise<unknown> {
      return Outcome.of(() => member(Handles.useOf(this), ...args), this.report)
    }
    Object.defineProperty(Handles.prototype, name, { value, configurable: true, writable: true })
  }
  return Handles
}
