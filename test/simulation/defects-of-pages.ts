import type { Defect } from './bundle.js'

/** Mistakes in what a page shows, keeps and brings home. */
export const DEFECTS_OF_PAGES: readonly Defect[] = [
  {
    name: 'the client forgets what a lost POST was to bring',
    file: 'client/delivery.ts',
    find: 'for (const draft of drafts) outbox.release(draft, !error)',
    replace: '',
  },
  {
    name: 'the client keeps the oldest ticket',
    file: 'client/outbox.ts',
    find: 'if (stamp < entry.signed ||',
    replace: 'if (entry.signed !== NEVER ||',
  },
  {
    name: 'the client takes an acknowledgement for a proof',
    file: 'client/outbox.ts',
    find: 'waiting.add(draft)\n',
    replace: 'entry.saved = Math.max(entry.saved, stamp)\n      waiting.add(draft)\n',
  },
  {
    name: 'the client keeps what it shows when another subject is there',
    file: 'client/values.ts',
    find: 'for (const map of [registers, drafts]) map.delete(key)',
    replace: 'void key',
  },
  {
    name: 'the client brings no tickets along when it connects',
    file: 'client/connection.ts',
    find: 'Promise.all(outbox.tickets().map(offer))',
    replace: 'Promise.resolve()',
  },
]
