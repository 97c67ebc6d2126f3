import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { JsonValue } from './json.js'
import { type Part, partsOf } from './parts.js'
import { hearOut, isThenable } from './promise.js'

type Issue = StandardSchemaV1.Issue

const QUOTED_ISSUES = 3
/** Members of what a schema is asked about at once, where there may be much wrong. */
const PART_SIZE = 50
/** Issues of one part past which there is no asking about the next. */
const MANY_ISSUES = 10

/** A schema has answered with a promise. */
export class AsyncSchema extends TypeError {}

/** Runs a Standard Schema, which must be synchronous. */
export function validate(schema: StandardSchemaV1, value: unknown): StandardSchemaV1.Result<unknown> {
  const result = schema['~standard'].validate(value)
  if (!isThenable(result)) return result
  hearOut(result)
  throw new AsyncSchema('expected a synchronous schema, received one that answers with a promise')
}

/** What a schema makes of a value from outside. */
export type Verdict = { readonly value: unknown } | { readonly reason: string }

/**
 * Asks a schema about a value from outside. Schemas go on after the first mistake: ten thousand bad items of thirty properties
 * would be 300,000 issues, half a second. So what is large is asked about part by part first, until one has many issues.
 */
export function judge(schema: StandardSchemaV1, value: JsonValue): Verdict {
  for (const part of partsOf(value, PART_SIZE)) {
    const issues = (validate(schema, part.tree).issues ?? []).filter(
      (issue) => !isOfTearing(issue, part.torn, part.tree),
    )
    if (count(issues) > MANY_ISSUES) return { reason: `${messages(issues)}; and more` }
  }
  const result = validate(schema, value)
  return result.issues ? { reason: describe(result.issues) } : { value: result.value }
}

/** Whether all that is wrong may be that a part lacks a member of the whole; for one option of a union is enough. */
function isOfTearing(issue: Issue, torn: Part['torn'], tree: unknown): boolean {
  let at = tree
  for (const step of issue.path ?? []) {
    const member = memberOf(at, keyOf(step))
    if (member === undefined) return torn.has(at)
    at = member
  }
  return nestedIn(issue).some((option) => isOfTearing(option, torn, at))
}

function memberOf(branch: unknown, key: PropertyKey): unknown {
  if (typeof branch !== 'object' || branch === null) return undefined
  return Object.getOwnPropertyDescriptor(branch, key)?.value
}

/**
 * How many of the issues are about the form of a member, with those that issues are made of: what is wrong with that in a part
 * is wrong in the whole. A rule of the app's own may look at members that are in another part.
 */
function count(issues: readonly Issue[]): number {
  return issues.reduce((sum, issue) => sum + Number(isOfForm(issue)) + count(nestedIn(issue)), 0)
}

/** By `code` in zod and arktype, by `kind` in valibot. Of other libraries that cannot be told. */
function isOfForm(issue: Issue): boolean {
  const [code, kind] = [Reflect.get(issue, 'code'), Reflect.get(issue, 'kind')]
  return kind === 'schema' || (typeof code === 'string' && code !== 'custom' && code !== 'predicate')
}

/** The issues of a union's options: in zod a list for each option, in valibot one list. */
function nestedIn(issue: Issue): readonly Issue[] {
  const lists = [Reflect.get(issue, 'errors'), Reflect.get(issue, 'issues')].filter(Array.isArray)
  return lists.flat(2).filter(isIssue)
}

function isIssue(value: unknown): value is Issue {
  return typeof value === 'object' && value !== null && 'message' in value
}

function describe(issues: readonly Issue[]): string {
  const rest = issues.length > QUOTED_ISSUES ? `; and ${issues.length - QUOTED_ISSUES} more` : ''
  return issues.slice(0, QUOTED_ISSUES).map(describeIssue).join('; ') + rest
}

/** Without their places, which are those in a part. */
function messages(issues: readonly Issue[]): string {
  return [...new Set(issues.map(({ message }) => message))].slice(0, QUOTED_ISSUES).join('; ')
}

function describeIssue({ message, path = [] }: Issue): string {
  return path.length === 0 ? message : `${message} at $.${path.map((step) => String(keyOf(step))).join('.')}`
}

function keyOf(step: PropertyKey | StandardSchemaV1.PathSegment): PropertyKey {
  return typeof step === 'object' ? step.key : step
}
