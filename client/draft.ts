import type { LiveSessionErrorCode } from '../shared/errors.js'
import type { JsonValue } from '../shared/json.js'
import { NEVER, type Stamp } from '../shared/stamp.js'

/** A change that somebody waits for to be saved. */
export interface Draft {
  readonly key: string
  readonly value: JsonValue | undefined
  /** The stamp that was known at its first sending, where the answer to that was lost; else -1. */
  seen: number
  /** The newest stamp that was known when it went out, then the one that the server acknowledged it with. */
  stamp: Stamp
  readonly saved: Promise<void>
  /** Saved; or as far as another change is, which stands for it now. */
  resolve(as?: Promise<void>): void
  reject(code: LiveSessionErrorCode): void
}

export function createDraft(key: string, value: JsonValue | undefined, seen: number): Draft {
  let resolve: Draft['resolve'] = () => undefined
  let refuse = (_: Error): void => undefined
  const saved = new Promise<void>((onSaved, onRefused) => {
    resolve = onSaved
    refuse = onRefused
  })
  // Whoever does not wait learns of a refusal from the status.
  saved.catch(() => undefined)
  const reject = (code: LiveSessionErrorCode): void => {
    const error = new Error(`koa-live-session: ${key}: ${code}`)
    refuse(Object.assign(error, { name: 'LiveSessionError', code, key }))
  }
  return { key, value, seen, stamp: NEVER, saved, resolve, reject }
}
