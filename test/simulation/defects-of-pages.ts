import type { Defect } from './bundle.js'

/** Mistakes in what a page shows, keeps and brings home. */
export const DEFECTS_OF_PAGES: readonly Defect[] = [
  {
    name: 'the client forgets what a lost POST was to bring',
    file: 'client/delivery.ts',
    find: 'for (const draft of drafts) draft.isSent = false',
    replace: '',
  },
  {
    name: 'the client keeps the oldest ticket',
    file: 'client/outbox.ts',
    find: 'if (stamp < (tickets.get(key)?.stamp ?? NEVER)) continue',
    replace: 'if (tickets.has(key)) continue',
  },
  {
    name: 'the client takes an acknowledgement for a proof',
    file: 'client/outbox.ts',
    find: 'draft.stamp = stamp\n',
    replace: 'draft.stamp = stamp\n      saved.set(key, stamp)\n',
  },
  {
    name: 'the client keeps what it shows when somebody else is there',
    file: 'client/values.ts',
    find: '        registers.clear()\n',
    replace: '',
  },
  {
    name: 'the client brings no tickets along when it connects',
    file: 'client/delivery.ts',
    find: 'const former = isFirst ? outbox.tickets() : []',
    replace: 'const former: readonly string[] = isFirst ? [] : []',
  },
]
