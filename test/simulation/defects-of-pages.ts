import type { Defect } from './bundle.js'

/** Mistakes in what a page shows, keeps and brings home. */
export const DEFECTS_OF_PAGES: readonly Defect[] = [
  {
    name: 'a page forgets what a lost POST was to bring',
    file: 'client/core/posts.ts',
    find: 'for (const key of posting.keys) release(turn, key, !error)',
    replace: '',
  },
  {
    name: 'a page POSTs its change over what it does not know',
    file: 'client/core/changes.ts',
    find: 'isFirst && mayBeLate ? at : seen',
    replace: 'mayBeLate ? seen : seen',
  },
  {
    name: 'a page gives up a change that was overtaken before it arrived',
    file: 'client/core/changes.ts',
    find: "&& (isFirst || code === 'conflict')",
    replace: "&& code === 'conflict'",
  },
  {
    name: 'a page makes a change again that was overtaken after it may have arrived',
    file: 'client/core/changes.ts',
    find: "&& (isFirst || code === 'conflict')",
    replace: '',
  },
  {
    name: 'a page keeps the oldest ticket',
    file: 'client/core/changes.ts',
    find: 'if (stamp > field.stamp || (stamp === field.stamp && !isKnown))',
    replace: "if (field.ticket === '' && !isKnown)",
  },
  {
    name: 'a page takes an acknowledgement for a proof',
    file: 'client/core/changes.ts',
    find: "if (former < stamp) patch(turn, key, { is: 'held', stamp, ticket: '', answers: 0 })",
    replace: 'if (former < stamp) hold(turn, key, stamp)',
  },
  {
    name: 'a page keeps what it shows when another visitor is there',
    file: 'client/core/carried.ts',
    find: '  turn.fields.clear()\n',
    replace: '',
  },
  {
    name: 'a page brings no tickets along when it connects',
    file: 'client/core/identity.ts',
    find: "for (const held of tickets(turn)) turn.effects.push(['offer', held])",
    replace: '',
  },
]
