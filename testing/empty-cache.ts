// Simulates a restart of the process.

import { restart } from '../server/features/inspector/actions.js'
import { coreOf } from '../server/plugin.js'
import type { LiveSessionPlugin } from '../server/types/live.js'
import type { Fields } from '../shared/types.js'

/**
 * Simulates a restart: evicts every value from this process's memory, and makes its sockets reconnect. Later reads get their values from
 * the store, if any, from cookies, and from the tickets that browsers send back.
 *
 * @example
 * await page.choose('division', 3)
 * emptyCache(live)
 * expect(await page.reload()).toShow('division', 3)
 */
export function emptyCache<F extends Fields>(live: LiveSessionPlugin<F, boolean>): void {
  restart(coreOf(live))
}
