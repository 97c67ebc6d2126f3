import { type MemoryStore, memoryStore } from 'koa-live-session/testing'
import type { StoredRegister } from '../../../server/types/store.js'

/**
 * The outcome of a `compareAndSet`: done, and the answer arrives (`done`), is lost (`lost`) or never comes (`silent`); not done, because
 * the connection is `broken`; or never answered, and done at the next call (`slow`) or at `settle` (`late`).
 */
export type Fate = 'done' | 'lost' | 'silent' | 'broken' | 'slow' | 'late'

export interface LosingStore extends MemoryStore {
  /** Outcomes of the next calls, in order; all further calls are done. */
  readonly fates: Fate[]
  settle(): Promise<void>
}

export function losingStore(): LosingStore {
  const store = memoryStore()
  const fates: Fate[] = []
  const slow: (() => Promise<unknown>)[] = []
  const late: (() => Promise<unknown>)[] = []
  const never = new Promise<never>(() => undefined)
  return {
    ...store,
    fates,
    async compareAndSet(subject: string, register: StoredRegister, expected: number) {
      const set = (): Promise<boolean> => store.compareAndSet(subject, register, expected)
      const fate = fates.shift()
      for (const former of slow.splice(0)) await former()
      if (fate === 'slow') slow.push(set)
      if (fate === 'late') late.push(set)
      if (fate === 'slow' || fate === 'late') return never
      if (fate === 'broken') throw new Error('the connection is broken')
      const isSet = await set()
      if (fate === 'lost') throw new Error('the connection was lost')
      return fate === 'silent' ? never : isSet
    },
    async settle() {
      for (const set of [...slow.splice(0), ...late.splice(0)]) await set()
    },
  }
}
