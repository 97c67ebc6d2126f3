// Adds `live.inspector()` to the plugin. From the first call on, records the refusals of the diagnostics channel.

import type { Feature } from '../../feature.js'
import type { FeatureParts } from '../../parts.js'
import { createAdmission } from './admission.js'
import { createInspector, RecentRefusals } from './inspector.js'
import type { InspectorMembers } from './types.js'

/** Creates the feature for the inspector, a route that shows the state of this process. */
export function inspectorFeature(parts: FeatureParts): Feature {
  let refusals: RecentRefusals | undefined
  return {
    plugin: {
      inspector: (options = {}) => {
        const admission = createAdmission(parts, options)
        refusals ??= new RecentRefusals(parts.app, parts.settings.clock)
        return createInspector(parts, refusals, admission)
      },
    } satisfies InspectorMembers,
    close: () => refusals?.close(),
  }
}
