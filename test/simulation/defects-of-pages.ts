import type { Defect } from './planting.js'

/** Mistakes in what a page shows, keeps and brings home. */
export const DEFECTS_OF_PAGES: readonly Defect[] = [
  {
    name: 'a page sets over anything, also over a connection that delivers late',
    at: 'outgoing',
    find: 'wire(key, sent, sent.base)',
    replace: 'wire(key, sent, sent.id ? sent.base : -1)',
  },
  {
    name: 'a page sends what was not answered again over the same connection',
    at: 'synced',
    find: 'reconnect(page)',
    replace: "page.reach === 'greeting' ? (page.reach = 'up') : undefined",
  },
  {
    name: 'a page forgets what a lost POST was to bring',
    at: 'posted',
    find: 'release(…)',
    replace: 'undefined',
  },
  {
    name: 'a page gives up a change that was overtaken before it arrived',
    at: 'isLater',
    find: 'stamp && !sent.mayHaveArrived',
    replace: 'false',
  },
  {
    name: 'a page makes a change again that was overtaken after it may have arrived',
    at: 'isLater',
    find: 'stamp && !sent.mayHaveArrived',
    replace: 'stamp',
  },
  {
    name: 'a page takes an acknowledgement for a proof',
    at: 'isLater',
    find: 'isSaved ? stamp : field.proof',
    replace: 'stamp',
  },
  {
    name: 'a page keeps what it shows when another visitor is there',
    at: 'reset',
    find: '...UNKNOWN',
    replace: '...field',
  },
  {
    name: 'a page brings no tickets along when it connects',
    at: 'go',
    find: "act(page, 'send', who ? bodyOf(page, []) : {}, patience)",
    replace: 'undefined',
  },
  {
    name: 'a page lets an older value go over a newer one',
    at: 'merge',
    find: 'supersedes(…)',
    replace: 'true',
  },
  {
    name: 'a page takes for saved what it has brought in vain',
    at: 'answered',
    find: "page.timers.delete('greet')",
    replace: "page.timers.delete('greet'); if (isPost) confirm(page, { who, held: [], tickets: sync.tickets ?? [] })",
  },
]
