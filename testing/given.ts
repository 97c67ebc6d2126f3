// The type of the values that a test passes in.

import type { Fields, Settable } from '../shared/types.js'

/** The initial or received values of a test, by key: any values that `set` accepts. */
export type Given<F extends Fields> = { readonly [K in keyof F]?: Settable<F[K]> }
