// Decides when the store deletes unused values, and after how long.

import { LiveSessionError } from '../../shared/errors.js'
import type { Settings } from '../settings/settings.js'
import { repeat, schedule } from '../settings/timers.js'
import type { Store } from '../types/store.js'

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR

/** Deletes unused values from the store daily, until the returned function is called. */
export function beginSweeps(store: Store, { clock, maxAge, report, storeMaxIdle }: Settings): () => void {
  if (storeMaxIdle === Number.POSITIVE_INFINITY) return () => undefined
  const sweep = async (): Promise<void> => {
    try {
      const now = clock()
      await store.sweep(now - storeMaxIdle, {
        // After `maxAge` a guest's cookie has expired, so nobody can reach the guest's values any more.
        guests: now - Math.min(storeMaxIdle, maxAge),
        // Keeps revocations for at least `maxAge`: a revoked cookie or ticket that outlived its revocation would be valid again.
        revocations: now - Math.max(storeMaxIdle, maxAge),
      })
    } catch (cause) {
      report(new LiveSessionError('store_unavailable', 'the store has failed to delete old values', { cause }))
    }
  }
  // Begins at a random time in the first hour, because nodes may start together.
  let cancel = schedule(clock, HOUR * Math.random(), () => {
    cancel = repeat(clock, DAY, sweep)
    void sweep()
  })
  return () => cancel()
}
