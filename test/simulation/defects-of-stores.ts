import type { Defect } from './planting.js'

/** Mistakes in what goes to a store, and in what comes from there. */
export const DEFECTS_OF_STORES: readonly Defect[] = [
  {
    name: 'a write that the store has refused is forgotten',
    at: 'Backlog.#send',
    find: 'lane.next = joined(sent, lane.next ?? batch())',
    replace: 'registers.clear(); for (const resolve of sent.waiters) resolve(true)',
  },
  {
    name: 'a write is said to be stored before it is',
    at: 'Backlog.level',
    find: 'stored?.every(…)',
    replace: 'true',
  },
  {
    name: 'a store that was down is not told what it has missed',
    at: 'Backlog.constructor',
    find: 'health.onTry(…)',
    replace: 'undefined',
  },
  {
    name: 'what the store has is not taken over',
    at: 'Loads.take',
    find: 'sessions.merge(…)',
    replace: 'undefined',
  },
  {
    name: 'what has ended is not learnt from the store',
    at: 'Loads.#learn',
    find: 'epochs.learn(…)',
    replace: 'false',
  },
  {
    name: 'that a user was erased is not learnt from the store',
    at: 'Loads.#learn',
    find: 'sessions.startGeneration(…)',
    replace: 'undefined',
  },
  {
    name: 'what is written after an erasure is taken for what was on its way, whose stamp is a later one',
    at: 'Backlog.#send',
    find: '!isErasure(lane.next) && !isOver',
    replace: '!isErasure(lane.next)',
  },
  {
    name: 'what waits for the store as its user is erased is stored with what comes after',
    at: 'Backlog.erase',
    find: 'lane.registers.clear()',
    replace: 'undefined',
  },
  {
    name: 'what waits for the store as another process erases its user is stored with what comes after',
    at: 'Backlog.abandon',
    find: 'lane.registers.forget(…)',
    replace: 'undefined',
  },
  {
    name: 'what is written after an erasure is stored as if it came before',
    at: 'write',
    find: 'storeName(subject, generation)',
    replace: 'storeName(subject)',
  },
  {
    name: 'what waits for the store is forgotten with the memory',
    at: 'Loads.#recover',
    find: 'sessions.merge(…)',
    replace: 'undefined',
  },
  {
    name: 'the store is asked but once',
    at: 'Loads.isFresh',
    find: 'isWithin(…)',
    replace: 'true',
  },
  {
    name: 'the store is not asked again for what was evicted',
    at: 'Loads.#loadedAt',
    find: 'this.#nothing.clear()',
    replace: 'undefined',
  },
  {
    name: 'requests do not wait for the store',
    at: 'Loads.ensure',
    find: '#health.inTime(…)',
    replace: 'undefined',
  },
  {
    name: 'a revocation is not stored',
    at: 'Epochs.revoke',
    find: 'store?.keep(…)',
    replace: 'undefined',
  },
  {
    name: 'a revocation is older than the one that the store has',
    at: 'StoreSync.consult',
    find: 'const ready = this.ensure(subjects)',
    replace: 'if (subjects.length > 0) return undefined; const ready = this.ensure(subjects)',
  },
  {
    name: 'an erasure leaves what the store has',
    at: 'Epochs.erase',
    find: 'this.#remote.store?.erase(user, ends, former)',
    replace: 'this.#remote.store?.keep(user, ends)',
  },
  {
    name: 'that a browser id was given up is not stored',
    at: 'Epochs.giveUp',
    find: 'store?.erase(…)',
    replace: 'undefined',
  },
  {
    name: 'what a page set is proven by memory, though the store has it not',
    at: 'askStore',
    find: 'await store?.stored(subject)',
    replace: 'sessions.find(subject)?.registers()',
  },
]
