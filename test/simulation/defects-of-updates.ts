import type { Defect } from './bundle.js'

/** Mistakes in what becomes of values that pages compute from those before them. */
export const DEFECTS_OF_UPDATES: readonly Defect[] = [
  {
    name: 'a computed value is taken over a newer one',
    file: 'server/values/page-updates.ts',
    find: 'if (seen === stamp || (seen > stamp && seen <= settings.clock())) return',
    replace: 'if (seen >= NEVER || settings) return',
  },
  {
    name: 'a computed value is taken without a look at the store',
    file: 'server/values/page-updates.ts',
    find: 'if (!store) return write()',
    replace: 'if (store || !store) return write()',
  },
  {
    name: 'a page sends what it has computed from an older value',
    file: 'client/core/step.ts',
    find: '  recompute(turn)\n',
    replace: '',
  },
  {
    name: 'a page sends what was lost over what is newest',
    file: 'client/core/changes.ts',
    find: 'isFirst ? [key, at, value, call.id] : [key, seen, value, -call.id]',
    replace: '[key, at, value, call.id]',
  },
  {
    name: 'a page computes once more what was lost',
    file: 'client/core/changes.ts',
    find: 'at === 0 && isLost && want.seen === FIRST_SENDING',
    replace: 'at === 0 && isLost && !isComputed(want.calls) && want.seen === FIRST_SENDING',
  },
  {
    name: 'a page that comes back computes once more what it has left',
    file: 'client/core/posts.ts',
    find: '  freeze(turn)\n',
    replace: '',
  },
  {
    name: 'a page leaves to others what it computes itself',
    file: 'client/core/remains.ts',
    find: 'isComputed(all.at(-1)?.calls) ? all.filter(({ calls }) => !isComputed(calls)) : all',
    replace: 'isComputed([]) ? all : all',
  },
  {
    name: 'a page computes once more what an account may have taken',
    file: 'client/core/carried.ts',
    find: "calls.filter(({ of = '' }) => !of.includes(next))",
    replace: 'calls',
  },
]
