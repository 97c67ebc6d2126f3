import { categories, months } from './data.js'
import { findDivision } from './divisions.js'
import { type Project, projects, sum } from './projects.js'

interface MonthlyCosts {
  readonly month: string
  /** Euros, in the order of `categories`. */
  readonly byCategory: readonly number[]
  readonly total: number
  /** Planned costs in euros. */
  readonly plan: number
}

export interface ProjectFigures {
  readonly projects: readonly Project[]
  readonly active: readonly Project[]
  readonly atRisk: readonly Project[]
  readonly budget: number
  readonly spent: number
  /** Whole percents of the budget; the rest up to 100 is unspent. */
  readonly percentSpent: number
}

export interface CostFigures {
  readonly months: readonly MonthlyCosts[]
  /** Euros of the whole year, in the order of `categories`. */
  readonly byCategory: readonly number[]
  readonly total: number
  /** Planned costs of the whole year in euros. */
  readonly plan: number
}

/** Returns the projects of a division, or all projects for an unknown division. */
export function projectFigures(division: number): ProjectFigures {
  const own = projectsOf(division)
  const budget = sum(own.map((project) => project.budget))
  const spent = sum(own.map((project) => project.spent))
  const active = own.filter(({ status }) => status === 'Active')
  return {
    projects: own,
    active,
    atRisk: active.filter(({ concern }) => concern !== undefined),
    budget,
    spent,
    percentSpent: Math.round((spent / budget) * 100),
  }
}

/** Returns the year's project costs of a division, or of all divisions for an unknown division. */
export function costFigures(division: number): CostFigures {
  const own = projectsOf(division)
  const monthly = months.map((month, index) => {
    const byCategory = categories.map((_, category) => sum(own.map(({ costs }) => costs[index]?.[category] ?? 0)))
    return { month, byCategory, total: sum(byCategory), plan: sum(own.map(({ plan }) => plan[index] ?? 0)) }
  })
  return {
    months: monthly,
    byCategory: categories.map((_, category) => sum(monthly.map(({ byCategory }) => byCategory[category] ?? 0))),
    total: sum(monthly.map(({ total }) => total)),
    plan: sum(monthly.map(({ plan }) => plan)),
  }
}

/** Returns whole percents with the sum 100, by the largest remainder method. */
export function wholePercents(amounts: readonly number[]): readonly number[] {
  const total = sum(amounts)
  const exact = amounts.map((amount) => (amount / total) * 100)
  const rest = 100 - sum(exact.map(Math.floor))
  const remainders = exact.map((percent) => percent - Math.floor(percent))
  const roundedUp = new Set(
    [...remainders.keys()].sort((a, b) => (remainders[b] ?? 0) - (remainders[a] ?? 0)).slice(0, rest),
  )
  return exact.map((percent, index) => Math.floor(percent) + (roundedUp.has(index) ? 1 : 0))
}

function projectsOf(division: number): readonly Project[] {
  const found = findDivision(division)
  return projects.filter((project) => found === undefined || project.division === found.id)
}
