import type { Defect } from './bundle.js'

/** Mistakes in what goes to a store, and in what comes from there. */
export const DEFECTS_OF_STORES: readonly Defect[] = [
  {
    name: 'a write that the store has refused is forgotten',
    file: 'server/kernel/remote/backlog.ts',
    find: 'lane.next = again(sent, lane.next)\n',
    replace: 'for (const resolve of sent.waiters) resolve(true)\n',
  },
  {
    name: 'a write is said to be stored before it is',
    file: 'server/kernel/remote/backlog.ts',
    find: "return stored?.every(Boolean) ? 'store' : 'memory'",
    replace: "return 'store'",
  },
  {
    name: 'a store that was down is not told what it has missed',
    file: 'server/kernel/remote/backlog.ts',
    find: 'health.onTry(() => this.#flush())',
    replace: '',
  },
  {
    name: 'what the store has is not taken over',
    file: 'server/kernel/remote/intake.ts',
    find: "    this.#core.sessions.merge(subject, standing(all).registers, 'store', generation)\n",
    replace: '',
  },
  {
    name: 'what has ended is not learnt from the store',
    file: 'server/kernel/remote/intake.ts',
    find: 'const isNews = ending !== undefined && epochs.learn(subject, ending)',
    replace: 'const isNews = ending !== undefined && epochs === undefined',
  },
  {
    name: 'that a user was erased is not learnt from the store',
    file: 'server/kernel/remote/intake.ts',
    find: 'sessions.startGeneration(subject, generation)',
    replace: '',
  },
  {
    name: 'what is written after an erasure is stored as if it came before',
    file: 'server/kernel/remote/batch.ts',
    find: 'await store.merge(storeName(subject, generation), values)',
    replace: 'await store.merge(storeName(subject), values)',
  },
  {
    name: 'what waits for the store is forgotten with the memory',
    file: 'server/kernel/remote/intake.ts',
    find: "this.#core.sessions.merge(subject, standing(this.#backlog.of(subject)).registers, 'store')",
    replace: '',
  },
  {
    name: 'the store is asked but once',
    file: 'server/kernel/remote/loads.ts',
    find: 'return loadedAt !== undefined && isWithin(',
    replace: 'return loadedAt !== undefined || isWithin(',
  },
  {
    name: 'the store is not asked again for what was evicted',
    file: 'server/kernel/remote/loads.ts',
    find: 'const isStillNothing = nothing?.residency === subjects.residency',
    replace: 'const isStillNothing = nothing !== undefined',
  },
  {
    name: 'requests do not wait for the store',
    file: 'server/kernel/remote/loads.ts',
    find: 'return this.#health.inTime(Promise.all(awaited.map((subject) => loads.get(subject))))',
    replace: 'return undefined',
  },
  {
    name: 'a revocation is not stored',
    file: 'server/kernel/ends/epochs.ts',
    find: 'this.#remote.store?.keep(user, [register])\n',
    replace: '',
  },
  {
    name: 'a revocation is older than the one that the store has',
    file: 'server/kernel/remote/store-sync.ts',
    find: 'consult(subjects: readonly Subject[]): Promise<unknown> | undefined {\n',
    replace:
      'consult(subjects: readonly Subject[]): Promise<unknown> | undefined {\n    if (subjects.length > 0) return undefined\n',
  },
  {
    name: 'an erasure leaves what the store has',
    file: 'server/kernel/ends/epochs.ts',
    find: 'this.#remote.store?.erase(user, ends, former)',
    replace: 'this.#remote.store?.keep(user, ends)',
  },
  {
    name: 'that a browser id was given up is not stored',
    file: 'server/kernel/ends/epochs.ts',
    find: 'else store?.erase(name, left)\n',
    replace: '',
  },
  {
    name: 'what a page set is proven by memory, though the store has it not',
    file: 'server/kernel/exchange/told.ts',
    find: '(await store?.stored(subject)) ?? []',
    replace: 'sessions.find(subject)?.registers() ?? []',
  },
]
