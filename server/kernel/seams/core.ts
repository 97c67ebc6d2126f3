import type { UpToExchange } from '../exchange/up-to-exchange.js'
import type { Part } from './part.js'

/** The kernel of one plugin, and its parts. */
export interface Core extends UpToExchange {
  readonly parts: readonly Part[]
}

/** A function that creates a part from the pieces it needs. */
export type MakePart = (core: Core) => Part
