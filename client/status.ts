import type { LiveSessionErrorCode } from '../shared/errors.js'
import { createListeners, type Listeners } from './listeners.js'
import type { Outbox } from './outbox.js'

/** How far a key's newest change has got: `saved` is when the cookie was seen coming back with it. */
export type Status = 'saved' | 'saving' | 'offline' | 'rejected'

export interface StatusDetail {
  readonly status: Status
  /** Why it was rejected. */
  readonly reason?: LiveSessionErrorCode
}

export interface StatusBoard {
  of(key: string): StatusDetail
  /** The worst of all. */
  overall(): StatusDetail
  /** Whether anything is neither saved nor given up. */
  isUnderWay(): boolean
  onStatus: Listeners<[key: string, detail: StatusDetail]>['add']
  /** Something may have got further: tells of every key whose status is another now. */
  refresh(): void
}

const WORST_FIRST: readonly Status[] = ['rejected', 'offline', 'saving', 'saved']
const SAVED: StatusDetail = { status: 'saved' }

export function createStatusBoard(outbox: Outbox, isOffline: () => boolean): StatusBoard {
  const told = new Map<string, StatusDetail>()
  const listeners = createListeners<[key: string, detail: StatusDetail]>()

  const of = (key: string): StatusDetail => {
    const state = outbox.state(key)
    if (typeof state === 'string') return { status: 'rejected', reason: state }
    if (state) return SAVED
    return { status: isOffline() ? 'offline' : 'saving' }
  }
  const rank = ({ status }: StatusDetail): number => WORST_FIRST.indexOf(status)

  return {
    of,
    overall: () =>
      outbox
        .keys()
        .map(of)
        .reduce((worst, one) => (rank(one) < rank(worst) ? one : worst), SAVED),
    isUnderWay: () => outbox.keys().some((key) => outbox.state(key) === false),
    onStatus: listeners.add,
    refresh: () => {
      // What was told of somebody who is gone is over, too.
      for (const key of new Set([...told.keys(), ...outbox.keys()])) {
        const detail = of(key)
        const last = told.get(key) ?? SAVED
        if (detail.status === last.status && detail.reason === last.reason) continue
        told.set(key, detail)
        listeners.tell(key, detail)
      }
    },
  }
}
