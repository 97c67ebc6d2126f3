import { months, type ProjectRecord, records, YEAR } from './data.js'

/** Percentage points by which spending may run ahead of the work. */
const TOLERANCE = 5

/** Why a project needs attention. */
type Concern = 'over budget' | 'at risk'

/** A project, with what its record makes of the year. */
export interface Project extends ProjectRecord {
  /** Euros of each month of the year, each in the order of the categories. */
  readonly costs: readonly (readonly number[])[]
  /** Euros of each month of the year: the budget, spread evenly from the start to the due date. */
  readonly plan: readonly number[]
  /** Euros. */
  readonly spent: number
  readonly concern: Concern | undefined
}

export const projects: readonly Project[] = records.map(withFigures)

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function withFigures(record: ProjectRecord): Project {
  const { budget, start, due, mix, thousands } = record
  const [first, last] = [monthOf(start), monthOf(due)]
  const costs = months.map((_, month) => mix.map((percent) => (thousands[month - first] ?? 0) * percent * 10))
  const plan = months.map((_, month) => (month < first || month > last ? 0 : budget / (last - first + 1)))
  const spent = sum(costs.flat())
  return { ...record, costs, plan, spent, concern: concernOf(record, spent) }
}

function concernOf({ status, budget, progress }: ProjectRecord, spent: number): Concern | undefined {
  if (spent > budget) return 'over budget'
  return status === 'Active' && (spent / budget) * 100 > progress + TOLERANCE ? 'at risk' : undefined
}

/** Months since the year began, from an ISO date. */
function monthOf(iso: string): number {
  const [year = 0, month = 0] = iso.split('-').map(Number)
  return (year - YEAR) * months.length + month - 1
}
