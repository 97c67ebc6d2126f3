import { LiveSessionError as Refused } from '../../shared/errors.js'
import type { JsonValue } from '../../shared/json.js'
import { settable } from '../../shared/settable.js'
import type { Advice, AdviceCode } from '../advice.js'
import { LiveSessionError } from '../error.js'
import { createWarning, type Ways } from './warning.js'

/** What the code of a refusal means, as far as pages are to blame for it. */
const REASONS: Partial<Record<AdviceCode, string>> = {
  invalid_value: 'the schema of the field refuses it',
  undeclared_key: 'expected a declared field that is not hidden from browsers',
  not_writable: "expected a field with client: 'write'",
  too_large: 'over the maxBytes of the field',
  superseded: 'a newer write has won, or another visitor is at this browser now',
  cookies_blocked: 'the browser keeps no cookie of this server, or consent says no',
  store_unavailable: 'the store does not answer',
}

const MISTAKES: Partial<Record<AdviceCode, (key: string, call: string) => string>> = {
  before_ready: describeBeforeReady,
  endless_listeners: describeEndlessListeners,
  impure_update: describeImpureUpdate,
}

/** All that can be said to the developer of a page with these options. */
export function adviceFor(ways: Ways): Advice {
  return {
    text: (code, key = '', call = '') => MISTAKES[code]?.(key, call) ?? describeRefusal(code, key),
    settable: copy,
    answered: createWarning(ways),
  }
}

function describeBeforeReady(key: string, call: string): string {
  return `koa-live-session: ${call}("${key}") before the first values: put ctx.liveSession.embed() into the page, pass initial, or await live.ready`
}

function describeEndlessListeners(): string {
  return 'koa-live-session: listeners answer each change with another one'
}

function describeImpureUpdate(): string {
  return 'koa-live-session: update: what computes a value must change nothing'
}

function describeRefusal(code: AdviceCode, key: string): string {
  const reason = REASONS[code]
  return `koa-live-session: ${key}: ${code}${reason ? `: ${reason}` : ''}. docs/troubleshooting.md#${code}`
}

/** Says where it is that JSON does not carry it. */
function copy(key: string, value: unknown): JsonValue {
  try {
    return settable(key, value)
  } catch (error) {
    throw error instanceof Refused ? new LiveSessionError(error.code, error.message, key) : error
  }
}
