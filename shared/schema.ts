import type { StandardSchemaV1 } from '@standard-schema/spec'
import { countCertain, isCertain, keyOf } from './certainty.js'
import type { JsonValue } from './json.js'
import { type Piece, partsOf } from './parts.js'
import { hearOut, isThenable } from './promise.js'

type Issue = StandardSchemaV1.Issue

const QUOTED_ISSUES = 3
/** Members of what a schema is asked about at once, where there may be much wrong. */
const PART_SIZE = 50
/** Issues past which what is wrong with a part is worth a closer look. */
const MANY_ISSUES = 10
/** So many times a part may look bad and not be, until only the whole is asked about. */
const FALSE_SUSPICIONS = 3

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
 * would be 300,000 issues, half a second. So what is large is asked about part by part first. A part only raises a suspicion,
 * for a schema may want what is in another part. It refuses nothing: the value is refused where all up to there is bad, too.
 */
export function judge(schema: StandardSchemaV1, value: JsonValue): Verdict {
  let suspicions = 0
  for (const part of partsOf(value, PART_SIZE)) {
    if (manyIssues(schema, part).length === 0) continue
    const issues = manyIssues(schema, part.prefix())
    if (issues.length > 0) return { reason: `${quote(issues)}; and more` }
    suspicions += 1
    if (suspicions === FALSE_SUSPICIONS) break
  }
  const result = validate(schema, value)
  return result.issues ? { reason: describe(result.issues) } : { value: result.value }
}

/** The issues that the whole has, too, where they are many. */
function manyIssues(schema: StandardSchemaV1, piece: Piece): readonly Issue[] {
  const issues = issuesOf(schema, piece.tree)
  return countCertain(issues, piece) > MANY_ISSUES ? issues.filter((issue) => isCertain(issue, piece)) : []
}

/** None where a rule of the app's own throws: it may look up what a piece lacks. Some libraries answer with a promise then. */
function issuesOf(schema: StandardSchemaV1, piece: unknown): readonly Issue[] {
  try {
    return validate(schema, piece).issues ?? []
  } catch {
    return []
  }
}

function describe(issues: readonly Issue[]): string {
  const rest = issues.length > QUOTED_ISSUES ? `; and ${issues.length - QUOTED_ISSUES} more` : ''
  return quote(issues) + rest
}

function quote(issues: readonly Issue[]): string {
  return issues.slice(0, QUOTED_ISSUES).map(describeIssue).join('; ')
}

function describeIssue({ message, path = [] }: Issue): string {
  return path.length === 0 ? message : `${message} at $.${path.map((step) => String(keyOf(step))).join('.')}`
}
