import type { LiveSessionErrorCode } from '../shared/errors.js'
import { createListeners, type Listeners } from './listeners.js'
import type { Outbox } from './outbox.js'

/**
 * How far a key's newest change has got: `saved` is when the cookie was seen coming back with it. `default`: never set, nothing
 * to save.
 */
export type Status = 'default' | 'saved' | 'saving' | 'offline' | 'rejected'

export interface StatusDetail {
  readonly status: Status
  /** Why it was rejected. */
  readonly reason?: LiveSessionErrorCode
}

export interface StatusBoard {
  /** The same object for as long as nothing has changed: frameworks compare no deeper. */
  of(key: string): StatusDetail
  /** The worst of all. */
  overall(): StatusDetail
  /** Whether anything is on its way: neither saved, nor given up, nor waiting for the server to be reached. */
  isUnderWay(): boolean
  onStatus: Listeners<[key: string, detail: StatusDetail]>['add']
  /** Something may have got further: tells of every key whose status is another now. */
  refresh(): void
}

const WORST_FIRST: readonly Status[] = ['rejected', 'offline', 'saving', 'saved', 'default']
/** How a key begins: what the page's request did not prove is under way. */
export const DEFAULT: StatusDetail = Object.freeze({ status: 'default' })
export const SAVED: StatusDetail = Object.freeze({ status: 'saved' })
export const SAVING: StatusDetail = Object.freeze({ status: 'saving' })
const OFFLINE: StatusDetail = Object.freeze({ status: 'offline' })

/** @param initial how a key was when the page began */
export function createStatusBoard(
  outbox: Outbox,
  isOffline: () => boolean,
  initial: (key: string) => StatusDetail,
): StatusBoard {
  const told = new Map<string, StatusDetail>()
  const rejections = new Map<LiveSessionErrorCode, StatusDetail>()
  const listeners = createListeners<[key: string, detail: StatusDetail]>()

  const rejectedFor = (reason: LiveSessionErrorCode): StatusDetail => {
    const detail = rejections.get(reason) ?? Object.freeze({ status: 'rejected', reason })
    rejections.set(reason, detail)
    return detail
  }
  const of = (key: string): StatusDetail => {
    const state = outbox.state(key)
    if (typeof state === 'string') return rejectedFor(state)
    if (state === undefined) return DEFAULT
    if (state) return SAVED
    return isOffline() ? OFFLINE : SAVING
  }
  const rank = ({ status }: StatusDetail): number => WORST_FIRST.indexOf(status)

  return {
    of,
    overall: () =>
      outbox
        .keys()
        .map(of)
        .reduce((worst, one) => (rank(one) < rank(worst) ? one : worst), DEFAULT),
    isUnderWay: () => outbox.keys().some((key) => of(key) === SAVING),
    onStatus: listeners.add,
    refresh: () => {
      // What was told of an earlier subject is over, too.
      for (const key of new Set([...told.keys(), ...outbox.keys()])) {
        const detail = of(key)
        if (detail === (told.get(key) ?? initial(key))) continue
        told.set(key, detail)
        listeners.tell(key, detail)
      }
    },
  }
}
