import { categories, costs, months, type Project, projects } from './data.js'
import { findDivision } from './divisions.js'

/** Percentage points by which spending may run ahead of the work. */
const TOLERANCE = 5

interface MonthlyCosts {
  readonly month: string
  /** Euros, in the order of the categories. */
  readonly byCategory: readonly number[]
  readonly total: number
}

export interface ProjectFigures {
  readonly projects: readonly Project[]
  readonly active: readonly Project[]
  readonly atRisk: readonly Project[]
  readonly budget: number
  readonly spent: number
}

export interface CostFigures {
  readonly months: readonly MonthlyCosts[]
  /** Euros of the whole year, in the order of the categories. */
  readonly byCategory: readonly number[]
  readonly total: number
  /** Euros a month. */
  readonly plan: number
}

/** Whether more of the budget is gone than of the work is done. */
export function isAtRisk({ status, spent, budget, progress }: Project): boolean {
  return status === 'Active' && (spent / budget) * 100 > progress + TOLERANCE
}

/** The projects of one division, or of all where there is no such division. */
export function projectFigures(division: number): ProjectFigures {
  const own = projects.filter(belongsTo(division))
  return {
    projects: own,
    active: own.filter(({ status }) => status === 'Active'),
    atRisk: own.filter(isAtRisk),
    budget: sum(own.map(({ budget }) => budget)),
    spent: sum(own.map(({ spent }) => spent)),
  }
}

/** The year's costs of one division, or of all where there is no such division. */
export function costFigures(division: number): CostFigures {
  const own = costs.filter(belongsTo(division))
  const cell = (category: number, month: number): number => {
    return sum(own.map(({ thousands }) => Math.round((thousands[category]?.[month] ?? 0) * 1000)))
  }
  const monthly = months.map((month, index) => {
    const byCategory = categories.map((_, category) => cell(category, index))
    return { month, byCategory, total: sum(byCategory) }
  })
  return {
    months: monthly,
    byCategory: categories.map((_, category) => sum(monthly.map(({ byCategory }) => byCategory[category] ?? 0))),
    total: sum(monthly.map(({ total }) => total)),
    plan: sum(own.map(({ plan }) => plan)),
  }
}

function belongsTo(division: number): (item: { readonly division: number }) => boolean {
  const found = findDivision(division)
  return (item) => found === undefined || item.division === found.id
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
