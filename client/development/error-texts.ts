// Explains refusal codes and misuse of the API in the messages of the development build.

import { USE_SET_MANY } from '../../shared/checks.js'
import { CODES } from '../../shared/code-table.js'
import { isOwnCode } from '../../shared/codes.js'
import { LiveSessionError, settable } from '../../shared/errors.js'
import type { JsonValue } from '../../shared/json.js'
import { PageError } from '../../shared/page-error.js'
import { AWAIT_IT, PromiseRefused, refusePromise } from '../../shared/promise.js'
import type { ErrorTextCode, ErrorTexts } from '../error.js'
import { explainedAt } from './warning.js'

const MISTAKES: Partial<Record<ErrorTextCode, (key: string, method: string) => string>> = {
  before_ready: describeBeforeReady,
  impure_update: describeImpureUpdate,
}

/** Refusals that only bugs cause: logged to the console, because the page need not await the promise. */
const WRONG: readonly ErrorTextCode[] = ['undeclared_key', 'not_writable']

/** The error messages of the development build. */
export const FULL_TEXTS: ErrorTexts = {
  text,
  errorOf: (key, { code, message = text(code, key), error: thrown }) => {
    const error = thrown ?? new PageError(code, message, key)
    if (thrown || WRONG.includes(code)) logOnce(error)
    return error
  },
  settable: copy,
}

const logged = new WeakSet<object>()

/** Logs each error object once. */
export function logOnce(error: unknown): void {
  if (error instanceof Error && logged.has(error)) return
  if (error instanceof Error) logged.add(error)
  console.error(error)
}

function text(code: ErrorTextCode, key: string = '', method: string = ''): string {
  return MISTAKES[code]?.(key, method) ?? describeRefusal(code, key)
}

function describeBeforeReady(key: string, method: string): string {
  return `koa-live-session: ${method}("${key}") before the first values: put ctx.liveSession.embed() into the page, pass initial, or await live.ready`
}

function describeImpureUpdate(): string {
  return 'koa-live-session: update: the function must only return a value, and change nothing'
}

function describeRefusal(code: ErrorTextCode, key: string): string {
  // A newer server may send a code that this page does not know.
  const reason = isOwnCode(code) ? CODES[code].reason : undefined
  return `koa-live-session: ${key}: ${code}${reason ? `: ${reason}` : ''}. ${explainedAt(code)}`
}

/** Copies a JSON value. For any other value, throws an error that names the path of the flaw. */
function copy(key: string, value: unknown, method: string = 'set'): JsonValue {
  if (typeof key !== 'string')
    throw new TypeError(
      `koa-live-session: set(key, value): expected a string as key, received ${typeof key}.${USE_SET_MANY}`,
    )
  try {
    refusePromise(value, `${method}("${key}")`, AWAIT_IT)
    return settable(key, value)
  } catch (error) {
    if (error instanceof PromiseRefused) throw new PageError('invalid_value', error.message, key)
    throw error instanceof LiveSessionError ? new PageError(error.code, error.message, key) : error
  }
}
