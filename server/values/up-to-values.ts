import type { PageTickets } from './page-tickets.js'
import type { Tickets } from './ticket.js'
import type { UpToEnds } from './up-to-ends.js'
import type { Values } from './values.js'

/** The kernel up to values. */
export interface UpToValues extends UpToEnds {
  readonly pageTickets: PageTickets
  readonly values: Values
  readonly tickets: Tickets
}
