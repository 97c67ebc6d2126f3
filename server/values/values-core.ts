import type { BaseCore } from './base-core.js'
import type { PageTickets } from './page-tickets.js'
import type { Tickets } from './ticket.js'
import type { Values } from './values.js'

/** The base of the core, with values and tickets. */
export interface ValuesCore extends BaseCore {
  readonly pageTickets: PageTickets
  readonly values: Values
  readonly tickets: Tickets
}
