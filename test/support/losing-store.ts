import type { MemoryStore } from 'koa-live-session/testing'
import { memoryStore } from 'koa-live-session/testing'
import type { StoredRow } from '../../server/stores/store.js'

/**
 * What becomes of a `compareAndSet`: it is done and its answer is lost with the connection, or never comes; the connection breaks before it; it
 * is done after all that is asked next.
 */
export type Fate = 'done' | 'lost' | 'silent' | 'broken' | 'late'

export interface LosingStore extends MemoryStore {
  /** What becomes of the next ones, in turn; of all others: they are done. */
  readonly fates: Fate[]
  /** Does what is late. */
  settle(): Promise<void>
}

/** A store whose answers get lost. */
export function losingStore(): LosingStore {
  const store = memoryStore()
  const fates: Fate[] = []
  const late: (() => Promise<unknown>)[] = []
  const never = new Promise<never>(() => undefined)
  return {
    ...store,
    fates,
    async compareAndSet(subject: string, register: StoredRow, expected: number) {
      const set = (): Promise<boolean> => store.compareAndSet(subject, register, expected)
      const fate = fates.shift()
      if (fate === 'late') late.push(set)
      if (fate === 'late') return never
      if (fate === 'broken') throw new Error('the connection is broken')
      const isSet = await set()
      if (fate === 'lost') throw new Error('the connection was lost')
      return fate === 'silent' ? never : isSet
    },
    async settle() {
      for (const set of late.splice(0)) await set()
    },
  }
}
