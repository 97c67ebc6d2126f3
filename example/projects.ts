import { months, type ProjectRecord, records, YEAR } from './data.js'

/** Percentage points by which spending may run ahead of the work. */
const TOLERANCE = 5

/** Why a project needs attention. */
type Concern = 'over budget' | 'at risk'

/** A project with the year's figures, computed from its record. */
export interface Project extends ProjectRecord {
  /** Costs of each month of the year in euros, in the order of `categories`. */
  readonly costs: readonly (readonly number[])[]
  /** Plan for each month of the year in euros: the budget, spread evenly from the start to the due date. */
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

/** Returns the months from the start of the year to an ISO date. */
function monthOf(iso: string): number {
  const [year = 0, month = 0] = iso.split('-').map(Number)
  return (year - YEAR) * months.length + month - 1
}
