import { LiveSessionError, type LiveSessionErrorCode } from '../shared/errors.js'
import type { JsonValue } from '../shared/json.js'
import { NEVER, type Stamp } from '../shared/stamp.js'

/** Why something was refused: where the server has said it in words, in those. */
export interface Reason {
  readonly code: LiveSessionErrorCode
  readonly message?: string
}

/** A change whose caller may wait until it is saved. */
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
  reject(reason: Reason): void
}

export function createDraft(key: string, value: JsonValue | undefined, seen: number): Draft {
  let resolve: Draft['resolve'] = () => undefined
  let refuse = (_: Error): void => undefined
  const saved = new Promise<void>((onSaved, onRefused) => {
    resolve = onSaved
    refuse = onRefused
  })
  // A caller that does not wait learns of a refusal from the status.
  saved.catch(() => undefined)
  const reject = ({ code, message = `${key}: ${code}` }: Reason): void =>
    refuse(new LiveSessionError(code, message, { key }))
  return { key, value, seen, stamp: NEVER, saved, resolve, reject }
}
