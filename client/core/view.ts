import type { LiveSessionErrorCode } from '../../shared/errors.js'
import type { Field } from './field.js'
import { isBlocked, type Page } from './page.js'

/**
 * How far a key's newest change has got. `'default'`: never set, nothing to save. `'saving'`: shown, and on its way. `'saved'`: a browser that
 * keeps our cookie was answered with it. `'offline'`: shown, kept, and sent when the endpoint can be reached again. `'rejected'`: refused, for
 * the `reason` that is given, and rolled back, until this page sets the key again; with `cookies_blocked` or `store_unavailable`,
 * or where the ticket of it was refused, it stays shown, but nowhere else.
 */
export type Status = 'default' | 'saved' | 'saving' | 'offline' | 'rejected'

/** A status, and why. The same object for the same status, so that `===` compares. */
export interface StatusDetail {
  /** How far the newest change has got. */
  readonly status: Status
  /** Why it was rejected; of no other status. */
  readonly reason?: LiveSessionErrorCode
}

const WORST_FIRST: readonly Status[] = ['rejected', 'offline', 'saving', 'saved', 'default']
const details = new Map<string, StatusDetail>()

/** The same object for the same status: frameworks compare no deeper. */
export function detailOf(status: Status, reason?: LiveSessionErrorCode): StatusDetail {
  const name = reason ?? status
  const detail = details.get(name) ?? Object.freeze(reason ? { status, reason } : { status })
  details.set(name, detail)
  return detail
}

export function statusOf(page: Page, { changes, code, at, proof }: Field): StatusDetail {
  // What came before a change that was refused, or was computed after it, is still on its way.
  if (code && (!changes[0] || code === 'store_unavailable')) return detailOf('rejected', code)
  if (!changes[0] && at <= proof) return detailOf(at > 0 ? 'saved' : 'default')
  return isBlocked(page) ? detailOf('rejected', 'cookies_blocked') : detailOf(page.isOffline ? 'offline' : 'saving')
}

/** The worst of all. */
export function overallStatus(page: Page): StatusDetail {
  const all = [...page.fields.values()].map((field) => statusOf(page, field))
  const [worst = detailOf('default')] = WORST_FIRST.flatMap((status) => all.filter((one) => one.status === status))
  return worst
}
