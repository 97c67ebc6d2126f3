// Adds `live.inspector()` to the plugin, and records refusals from the first call on.

import type { Core } from '../../core.js'
import type { Feature } from '../../feature.js'
import { revoke } from '../../identity/revoke.js'
import { createAdmission } from './admission.js'
import { createInspector } from './inspector.js'
import { RecentRefusals } from './recent-refusals.js'
import type { InspectorMembers } from './types.js'

/** Creates the feature for the inspector, a route that shows the state of this process, and therefore reads all of the core. */
export function inspectorFeature(core: Core): Feature {
  let refusals: RecentRefusals | undefined
  return {
    plugin: {
      inspector: (options = {}) => {
        const admission = createAdmission(core, options)
        refusals ??= new RecentRefusals(core.app, core.settings.clock)
        return createInspector({ core, refusals, revoke: (user) => revoke(core, user) }, admission)
      },
    } satisfies InspectorMembers,
    close: () => refusals?.close(),
  }
}
