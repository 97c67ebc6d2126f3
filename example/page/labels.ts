import { divisionLabel } from '../divisions.js'
import type { Theme } from '../themes.js'
import { capitalized } from '../views/format.js'

/** The display names of the fields and values. */
export const labels = {
  division: { name: 'Division', ofValue: divisionLabel },
  theme: { name: 'Theme', ofValue: (theme: Theme): string => capitalized(theme) },
}
