type ProjectStatus = 'Active' | 'Planned' | 'On hold' | 'Done'

/** The data of a project. figures.ts computes every figure of the studio from such records. */
export interface ProjectRecord {
  readonly name: string
  readonly client: string
  readonly division: number
  readonly status: ProjectStatus
  /** Euros. */
  readonly budget: number
  /** ISO month in which work began. */
  readonly start: string
  /** ISO date. */
  readonly due: string
  /** Percent of the work done. */
  readonly progress: number
  /** Share of each category in every cost, in percent, in the order of `categories`. */
  readonly mix: readonly number[]
  /** Costs in thousands of euros, month by month from the start. */
  readonly thousands: readonly number[]
}

export const YEAR = 2025
/** ISO date: the figures are as of the end of this day. */
export const AS_OF = '2025-12-31'
export const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
export const categories = ['People', 'Materials', 'Partners', 'Studio']

const BUILDING = [40, 30, 20, 10]
const TIMBER = [35, 45, 15, 5]
const SHOOTING = [40, 10, 40, 10]
const DOCUMENTARY = [55, 5, 30, 10]
const DRAWING = [60, 10, 15, 15]
const PRINTING = [50, 25, 15, 10]
const STAGING = [25, 30, 40, 5]
const CONFERENCE = [35, 20, 35, 10]

// Even thousands, and shares in steps of 5 %, so that each part is a whole number of hundreds, as the table shows.
export const records: readonly ProjectRecord[] = [
  {
    name: 'Harbour Library',
    client: 'City of Rotterdam',
    division: 1,
    status: 'Active',
    budget: 1_240_000,
    start: '2025-02',
    due: '2026-05-29',
    progress: 62,
    mix: BUILDING,
    thousands: [30, 42, 58, 70, 82, 60, 48, 82, 96, 94, 80],
  },
  {
    name: 'Timber House 7',
    client: 'Lindqvist Family',
    division: 1,
    status: 'Active',
    budget: 390_000,
    start: '2025-04',
    due: '2026-01-30',
    progress: 84,
    mix: TIMBER,
    thousands: [20, 34, 44, 36, 28, 48, 56, 52, 40],
  },
  {
    name: 'Station Canopy',
    client: 'Nordbahn',
    division: 1,
    status: 'Planned',
    budget: 720_000,
    start: '2026-03',
    due: '2026-12-11',
    progress: 0,
    mix: BUILDING,
    thousands: [],
  },
  {
    name: 'Mill Conversion',
    client: 'Kvarn Estates',
    division: 1,
    status: 'Done',
    budget: 540_000,
    start: '2025-01',
    due: '2025-06-27',
    progress: 100,
    mix: BUILDING,
    thousands: [62, 76, 92, 104, 110, 84],
  },
  {
    name: 'Salt Road',
    client: 'Meridian Pictures',
    division: 2,
    status: 'Active',
    budget: 900_000,
    start: '2025-03',
    due: '2026-02-20',
    progress: 68,
    mix: SHOOTING,
    thousands: [24, 46, 88, 62, 34, 28, 96, 138, 120, 76],
  },
  {
    name: 'Quiet Engines',
    client: 'Canal Nord',
    division: 2,
    status: 'Active',
    budget: 405_000,
    start: '2025-01',
    due: '2026-03-27',
    progress: 60,
    mix: DOCUMENTARY,
    thousands: [8, 10, 14, 20, 26, 18, 14, 14, 26, 34, 30, 22],
  },
  {
    name: 'Winter Campaign',
    client: 'Fjell Outdoor',
    division: 2,
    status: 'Done',
    budget: 164_000,
    start: '2025-01',
    due: '2025-04-30',
    progress: 100,
    mix: SHOOTING,
    thousands: [34, 46, 52, 26],
  },
  {
    name: 'Second Tide',
    client: 'Kestrel Films',
    division: 2,
    status: 'Planned',
    budget: 620_000,
    start: '2026-02',
    due: '2026-11-06',
    progress: 0,
    mix: SHOOTING,
    thousands: [],
  },
  {
    name: 'Transit Type',
    client: 'Metro do Tejo',
    division: 3,
    status: 'Active',
    budget: 144_000,
    start: '2025-02',
    due: '2026-01-30',
    progress: 70,
    mix: DRAWING,
    thousands: [4, 6, 8, 10, 10, 6, 6, 12, 14, 12, 8],
  },
  {
    name: 'Apothecary Line',
    client: 'Holm & Daughters',
    division: 3,
    status: 'Active',
    budget: 92_000,
    start: '2025-07',
    due: '2026-02-27',
    progress: 72,
    mix: PRINTING,
    thousands: [4, 6, 12, 16, 14, 10],
  },
  {
    name: 'Museum Wayfinding',
    client: 'Museum of Glass',
    division: 3,
    status: 'On hold',
    budget: 120_000,
    start: '2025-05',
    due: '2026-04-17',
    progress: 35,
    mix: PRINTING,
    thousands: [10, 14, 10, 10],
  },
  {
    name: 'Field Identity',
    client: 'Ardent Foundation',
    division: 3,
    status: 'Done',
    budget: 64_000,
    start: '2025-01',
    due: '2025-08-29',
    progress: 100,
    mix: DRAWING,
    thousands: [6, 8, 10, 10, 12, 8, 6, 6],
  },
  {
    name: 'Light Week',
    client: 'City of Ghent',
    division: 4,
    status: 'Active',
    budget: 328_000,
    start: '2025-07',
    due: '2026-02-06',
    progress: 78,
    mix: STAGING,
    thousands: [22, 20, 42, 54, 64, 54],
  },
  {
    name: 'Founders Forum',
    client: 'Atlas Institute',
    division: 4,
    status: 'Active',
    budget: 204_000,
    start: '2025-08',
    due: '2026-01-16',
    progress: 66,
    mix: CONFERENCE,
    thousands: [14, 28, 40, 52, 38],
  },
  {
    name: 'Summer Stages',
    client: 'City of Odense',
    division: 4,
    status: 'Done',
    budget: 140_000,
    start: '2025-01',
    due: '2025-07-11',
    progress: 100,
    mix: STAGING,
    thousands: [6, 8, 16, 24, 34, 42, 18],
  },
]
