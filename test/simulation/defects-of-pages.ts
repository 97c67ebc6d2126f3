import type { Defect } from './bundle.js'

/** Mistakes in what a page shows, keeps and brings home. */
export const DEFECTS_OF_PAGES: readonly Defect[] = [
  {
    name: 'a page forgets what a lost POST was to bring',
    file: 'client/core/answers.ts',
    find: '    release(page, sync, !error)\n',
    replace: '',
  },
  {
    name: 'a page POSTs its change over what it does not know',
    file: 'client/core/sending.ts',
    find: 'sent.id || sent.mayHaveArrived || isPost ? sent.base : OVER_ANY',
    replace: 'sent.id || sent.mayHaveArrived ? sent.base : OVER_ANY',
  },
  {
    name: 'a page gives up a change that was overtaken before it arrived',
    file: 'client/core/answers.ts',
    find: ' : stamp && !sent.mayHaveArrived)',
    replace: ' : false)',
  },
  {
    name: 'a page makes a change again that was overtaken after it may have arrived',
    file: 'client/core/answers.ts',
    find: ' : stamp && !sent.mayHaveArrived)',
    replace: ' : stamp)',
  },
  {
    name: 'a page keeps the oldest ticket',
    file: 'client/core/field.ts',
    find: "  field.ticket = ''\n",
    replace: '',
  },
  {
    name: 'a page takes an acknowledgement for a proof',
    file: 'client/core/answers.ts',
    find: 'else saved(page, key, isSaved ? stamp : field.proof)',
    replace: 'else saved(page, key, stamp)',
  },
  {
    name: 'a page keeps what it shows when another visitor is there',
    file: 'client/core/field.ts',
    find: '{ ...UNKNOWN, fallback: field.fallback, changes:',
    replace: '{ ...field, changes:',
  },
  {
    name: 'a page brings no tickets along when it connects',
    file: 'client/core/sending.ts',
    find: "act(page, 'send', who ? bodyOf(page, []) : {})",
    replace: '',
  },
  {
    name: 'a page lets an older value go over a newer one',
    file: 'client/core/field.ts',
    find: 'if (!supersedes({ stamp, value }, { stamp: at, value: field.value })) return',
    replace: '',
  },
  {
    name: 'a page takes for saved what it has brought in vain',
    file: 'client/core/answers.ts',
    find: "  page.timers.delete('greet')\n",
    replace:
      "  page.timers.delete('greet')\n  if (isPost) confirm(page, { who, held: [], tickets: sync.tickets ?? [] })\n",
  },
  {
    name: 'a page takes for saved what no store has',
    file: 'client/core/answers.ts',
    find: 'isPost && !unsaved?.includes(key))',
    replace: 'isPost)',
  },
]
