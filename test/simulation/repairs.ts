import type { Defect } from './bundle.js'

/**
 * What the simulation has found and the product does not do right yet: mended in the bundle alone, so that it goes on looking
 * for more. Where the text is not there any more, the product has been mended, and the entry can go.
 */
export const REPAIRS: readonly Defect[] = [
  {
    name: 'a page that nobody has greeted yet keeps what a POST told it of whoever was there',
    file: 'client/delivery.ts',
    find: 'for (const ticket of signed) outbox.keep(ticket, readTicket(ticket))',
    replace: `for (const ticket of signed) {
        const claims = readTicket(ticket)
        if (subjects.length === 0) subjects = [claims.sub]
        if (subjects.includes(claims.sub)) outbox.keep(ticket, claims)
      }`,
  },
  {
    name: 'a change that is refused late takes along the later one of its key',
    file: 'client/outbox.ts',
    find: '      refused.set(key, code)\n      if (drafts.get(key) === draft) {\n',
    replace: '      if (drafts.get(key) === draft) {\n        refused.set(key, code)\n',
  },
]
