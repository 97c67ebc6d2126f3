import { DEFECTS_OF_DEPARTURES } from './defects-of-departures.js'
import { DEFECTS_OF_IDENTITY } from './defects-of-identity.js'
import { DEFECTS_OF_NODES } from './defects-of-nodes.js'
import { DEFECTS_OF_PAGES } from './defects-of-pages.js'
import { DEFECTS_OF_PLACES } from './defects-of-places.js'
import { DEFECTS_OF_RIGHTS } from './defects-of-rights.js'
import { DEFECTS_OF_STORES } from './defects-of-stores.js'
import { DEFECTS_OF_UPDATES } from './defects-of-updates.js'
import type { Defect } from './planting.js'

/** Mistakes that a developer could make, each of which the simulation has to notice. */
export const DEFECTS: readonly Defect[] = [
  ...DEFECTS_OF_RIGHTS,
  ...DEFECTS_OF_DEPARTURES,
  ...DEFECTS_OF_PLACES,
  ...DEFECTS_OF_PAGES,
  ...DEFECTS_OF_IDENTITY,
  ...DEFECTS_OF_STORES,
  ...DEFECTS_OF_NODES,
  ...DEFECTS_OF_UPDATES,
]
