// Adds `live.inspector()` to the plugin. From the first call on, records the refusals of the diagnostics channel.

import type { Core } from '../../core.js'
import type { Feature } from '../../feature.js'
import { createAdmission } from './admission.js'
import { createInspector, RecentRefusals } from './inspector.js'
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
