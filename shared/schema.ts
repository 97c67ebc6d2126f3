// Runs Standard Schemas, and describes their issues.

import type { StandardSchemaV1 } from '@standard-schema/spec'
import { ignoreRejection, isThenable } from './promise.js'

const QUOTED_ISSUES = 3

export class AsyncSchema extends TypeError {
  /** The schema's promise. It rejects if the schema's own code has thrown: zod then answers with a promise. */
  readonly answer: PromiseLike<unknown>

  constructor(answer: PromiseLike<unknown>) {
    super('expected a synchronous schema, received one that answers with a promise')
    this.answer = answer
  }
}

/** Runs a Standard Schema, which must be synchronous. */
export function validate(schema: StandardSchemaV1, value: unknown): StandardSchemaV1.Result<unknown> {
  const result = schema['~standard'].validate(value)
  if (!isThenable(result)) return result
  ignoreRejection(result)
  throw new AsyncSchema(result)
}

/** Describes the first few issues of a schema, and counts the rest. */
export function describeIssues(issues: readonly StandardSchemaV1.Issue[]): string {
  const rest = issues.length > QUOTED_ISSUES ? `; and ${issues.length - QUOTED_ISSUES} more` : ''
  return issues.slice(0, QUOTED_ISSUES).map(describeIssue).join('; ') + rest
}

function describeIssue({ message, path }: StandardSchemaV1.Issue): string {
  const place = pathOf(path)
  return place === '$' ? message : `${message} at ${place}`
}

/** Formats the path of an issue: `$.items.0`. */
export function pathOf(path: StandardSchemaV1.Issue['path'] = []): string {
  return ['$', ...path.map((step) => String(typeof step === 'object' ? step.key : step))].join('.')
}
