// Adds `live.inspector()` to the plugin. From the first call on, records the refusals of the diagnostics channel.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type Koa from 'koa'
import type { Core } from '../../core.js'
import type { Feature } from '../../feature.js'
import { REFUSAL_CHANNEL, type RefusalMessage } from '../../settings/report.js'
import { createAdmission } from './admission.js'
import { createInspector } from './inspector.js'
import type { Refusals, SeenRefusal } from './snapshot.js'
import type { InspectorMembers } from './types.js'

/** Creates the feature for the inspector, a route that shows the state of this process. */
export function inspectorFeature(core: Core): Feature {
  let refusals: RecentRefusals | undefined
  return {
    plugin: {
      inspector: (options = {}) => {
        const admission = createAdmission(core, options)
        refusals ??= new RecentRefusals(core.app, core.settings.clock)
        return createInspector(core, refusals, admission)
      },
    } satisfies InspectorMembers,
    close: () => refusals?.close(),
  }
}

/** Maximum refusals on the page. */
const MOST = 50

/** Records an app's newest refusals, from the first `live.inspector()` on. */
class RecentRefusals implements Refusals {
  readonly #app: Koa
  readonly #clock: () => number
  #seen: readonly SeenRefusal[] = []

  constructor(app: Koa, clock: () => number) {
    this.#app = app
    this.#clock = clock
    subscribe(REFUSAL_CHANNEL, this.#onRefusal)
  }

  get all(): readonly SeenRefusal[] {
    return this.#seen
  }

  close(): void {
    unsubscribe(REFUSAL_CHANNEL, this.#onRefusal)
  }

  readonly #onRefusal = (message: unknown): void => {
    const { app, ...refused } = message as RefusalMessage
    // The channel is global: ignore other apps of this process.
    if (app === this.#app) this.#seen = [{ ...refused, at: this.#clock() }, ...this.#seen].slice(0, MOST)
  }
}
