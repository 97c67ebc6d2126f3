type ProjectStatus = 'Active' | 'Planned' | 'On hold' | 'Done'

export interface Project {
  readonly name: string
  readonly client: string
  readonly division: number
  readonly status: ProjectStatus
  /** Euros. */
  readonly budget: number
  readonly spent: number
  /** ISO date. */
  readonly due: string
  /** Percent of the work done. */
  readonly progress: number
}

type Row = readonly [string, string, number, ProjectStatus, number, number, string, number]

const rows: readonly Row[] = [
  ['Harbour Library', 'City of Rotterdam', 1, 'Active', 1_240_000, 742_000, '2026-05-29', 62],
  ['Timber House 7', 'Lindqvist Family', 1, 'Active', 386_000, 358_000, '2025-11-14', 84],
  ['Station Canopy', 'Nordbahn', 1, 'Planned', 720_000, 38_000, '2026-12-11', 5],
  ['Mill Conversion', 'Kvarn Estates', 1, 'Done', 540_000, 528_000, '2025-06-27', 100],
  ['Salt Road', 'Meridian Pictures', 2, 'Active', 890_000, 702_000, '2026-02-20', 68],
  ['Quiet Engines', 'Canal Nord', 2, 'Active', 410_000, 236_000, '2026-03-27', 60],
  ['Winter Campaign', 'Fjell Outdoor', 2, 'Done', 165_000, 158_400, '2025-10-31', 100],
  ['Second Tide', 'Kestrel Films', 2, 'Planned', 620_000, 21_000, '2026-11-06', 3],
  ['Transit Type', 'Metro do Tejo', 3, 'Active', 148_000, 97_000, '2026-01-30', 70],
  ['Apothecary Line', 'Holm & Daughters', 3, 'Active', 92_000, 61_500, '2025-12-19', 72],
  ['Museum Wayfinding', 'Museum of Glass', 3, 'On hold', 118_000, 44_000, '2026-04-17', 35],
  ['Field Identity', 'Ardent Foundation', 3, 'Done', 64_000, 66_200, '2025-08-29', 100],
  ['Light Week', 'City of Ghent', 4, 'Active', 330_000, 214_000, '2025-12-05', 74],
  ['Founders Forum', 'Atlas Institute', 4, 'Active', 205_000, 171_000, '2026-01-16', 66],
]

export const projects: readonly Project[] = rows.map(
  ([name, client, division, status, budget, spent, due, progress]) => {
    return { name, client, division, status, budget, spent, due, progress }
  },
)

export const YEAR = 2025
export const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
export const categories = ['People', 'Materials', 'Partners', 'Studio']

export interface DivisionCosts {
  readonly division: number
  /** Euros a month that were planned. */
  readonly plan: number
  /** For each category, thousands of euros in each month. */
  readonly thousands: readonly (readonly number[])[]
}

export const costs: readonly DivisionCosts[] = [
  {
    division: 1,
    plan: 128_000,
    thousands: [
      [51.2, 51.8, 53.1, 53.4, 54.0, 54.6, 52.3, 50.9, 55.2, 56.1, 56.8, 54.4],
      [18.4, 21.0, 27.6, 31.2, 36.8, 39.5, 24.1, 19.8, 28.3, 33.7, 30.2, 17.9],
      [22.5, 24.8, 29.1, 34.6, 38.2, 41.0, 27.7, 21.3, 30.4, 36.9, 32.8, 20.6],
      [10.8, 10.8, 11.1, 11.1, 11.1, 11.4, 11.4, 11.4, 11.6, 11.6, 11.6, 11.9],
    ],
  },
  {
    division: 2,
    plan: 112_000,
    thousands: [
      [36.4, 36.9, 38.0, 41.5, 44.2, 39.8, 37.1, 36.6, 42.7, 46.3, 43.9, 38.2],
      [9.2, 8.7, 12.4, 18.9, 22.6, 14.1, 9.8, 8.9, 17.5, 24.3, 19.6, 10.4],
      [24.0, 27.3, 41.8, 66.5, 78.2, 43.6, 25.9, 22.7, 61.4, 84.1, 69.3, 31.0],
      [8.6, 8.6, 8.8, 8.8, 9.1, 9.1, 9.1, 9.1, 9.3, 9.3, 9.3, 9.3],
    ],
  },
  {
    division: 3,
    plan: 41_000,
    thousands: [
      [22.8, 22.8, 23.4, 23.9, 24.3, 24.3, 23.1, 22.6, 24.9, 25.2, 25.4, 24.1],
      [3.1, 3.6, 4.2, 4.8, 5.1, 4.4, 2.9, 2.6, 4.7, 5.6, 5.2, 3.3],
      [4.9, 5.5, 6.8, 7.9, 8.3, 7.1, 4.4, 4.1, 7.6, 8.8, 8.1, 5.0],
      [4.7, 4.7, 4.7, 4.8, 4.8, 4.8, 4.8, 4.9, 4.9, 4.9, 4.9, 5.0],
    ],
  },
  {
    division: 4,
    plan: 56_000,
    thousands: [
      [13.6, 13.6, 14.2, 14.8, 15.9, 16.4, 14.1, 13.4, 16.8, 17.5, 18.9, 17.7],
      [7.2, 8.1, 11.5, 13.9, 19.4, 22.8, 9.6, 7.0, 18.7, 23.5, 31.2, 26.4],
      [10.3, 11.7, 15.2, 18.8, 24.6, 29.3, 12.4, 9.8, 22.9, 28.6, 38.7, 33.1],
      [3.8, 3.8, 3.9, 3.9, 3.9, 4.0, 4.0, 4.0, 4.1, 4.1, 4.1, 4.1],
    ],
  },
]
