import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Piece } from './parts.js'

type Issue = StandardSchemaV1.Issue

/** Stands for a member that the whole may have. */
const LACKING = Symbol('lacking')
/** What zod and arktype say of a list that is too short. Valibot names the items that are missing. */
const TOO_FEW = new Set(['too_small', 'minLength', 'exactLength'])

/** How many of the issues are certain, with those that issues are made of. */
export function countCertain(issues: readonly Issue[], piece: Piece): number {
  const certain = issues.filter((issue) => isCertain(issue, piece))
  return certain.reduce((sum, issue) => sum + 1 + countCertain(optionsOf(issue).flat(), at(issue, piece)), 0)
}

/**
 * Whether what is wrong with a piece is wrong with the whole. It is about the form of a member, for a rule of the app's own may
 * look at members that the piece lacks; and not about one that is lacking. No option of a union may be in doubt.
 */
export function isCertain(issue: Issue, piece: Piece): boolean {
  if (!isOfForm(issue) || isOfTearing(issue, piece)) return false
  return optionsOf(issue).every((option) => option.some((one) => isCertain(one, at(issue, piece))))
}

/** A member is lacking, or members are too few; or, in zod's `xor`, enough for more than one option (`matches`). */
function isOfTearing(issue: Issue, piece: Piece): boolean {
  const { tree, torn } = at(issue, piece)
  return tree === LACKING || (torn.has(tree) && (TOO_FEW.has(Reflect.get(issue, 'code')) || 'matches' in issue))
}

/** What an issue is about. An option's issues have paths from there. */
function at({ path = [] }: Issue, { tree, torn }: Piece): Piece {
  let place = tree
  for (const step of path) {
    const member = memberOf(place, keyOf(step))
    if (member === undefined) return { tree: torn.has(place) ? LACKING : undefined, torn }
    place = member
  }
  return { tree: place, torn }
}

function memberOf(branch: unknown, key: PropertyKey): unknown {
  if (typeof branch !== 'object' || branch === null) return undefined
  return Object.getOwnPropertyDescriptor(branch, key)?.value
}

/** By `code` in zod and arktype, by `kind` in valibot. Of other libraries that cannot be told. */
function isOfForm(issue: Issue): boolean {
  const [code, kind] = [Reflect.get(issue, 'code'), Reflect.get(issue, 'kind')]
  return kind === 'schema' || (typeof code === 'string' && code !== 'custom' && code !== 'predicate')
}

/** The issues of each option of a union: lists in zod. Valibot has one list, where each issue may be the only one of an option. */
function optionsOf(issue: Issue): readonly (readonly Issue[])[] {
  const lists = [Reflect.get(issue, 'errors'), Reflect.get(issue, 'issues')].filter(Array.isArray)
  return lists.flat().map((option) => [option].flat().filter(isIssue))
}

function isIssue(value: unknown): value is Issue {
  return typeof value === 'object' && value !== null && 'message' in value
}

export function keyOf(step: PropertyKey | StandardSchemaV1.PathSegment): PropertyKey {
  return typeof step === 'object' ? step.key : step
}
