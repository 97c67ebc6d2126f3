import type { LiveSessionErrorCode } from '../shared/errors.js'
import type { Outbox } from './outbox.js'

/** How far a key's newest change has got: `saved` is when the cookie was seen coming back with it. */
export type Status = 'saved' | 'saving' | 'offline' | 'rejected'

export interface StatusDetail {
  readonly status: Status
  /** Why it was rejected. */
  readonly reason?: LiveSessionErrorCode
}

type Listener = (key: string, detail: StatusDetail) => void

export interface StatusBoard {
  of(key: string): StatusDetail
  /** The worst of all. */
  overall(): StatusDetail
  /** Whether anything is neither saved nor given up. */
  isUnderWay(): boolean
  onStatus(listener: Listener): () => void
  /** Something may have got further: tells of every key whose status is another now. */
  refresh(): void
}

const WORST_FIRST: readonly Status[] = ['rejected', 'offline', 'saving', 'saved']

export function createStatusBoard(outbox: Outbox, isOffline: () => boolean): StatusBoard {
  const told = new Map<string, StatusDetail>()
  const listeners = new Set<Listener>()

  const of = (key: string): StatusDetail => {
    const state = outbox.state(key)
    if (typeof state === 'string') return { status: 'rejected', reason: state }
    if (state) return { status: 'saved' }
    return { status: isOffline() ? 'offline' : 'saving' }
  }

  return {
    of,
    overall: () => {
      const details = [...outbox.keys()].map(of)
      for (const status of WORST_FIRST) {
        const found = details.find((detail) => detail.status === status)
        if (found) return found
      }
      return { status: 'saved' }
    },
    isUnderWay: () => [...outbox.keys()].some((key) => outbox.state(key) === false),
    onStatus: (listener) => {
      const own: Listener = (key, detail) => listener(key, detail)
      listeners.add(own)
      return () => void listeners.delete(own)
    },
    refresh: () => {
      for (const key of outbox.keys()) {
        const detail = of(key)
        const last = told.get(key) ?? { status: 'saved' }
        if (detail.status === last.status && detail.reason === last.reason) continue
        told.set(key, detail)
        for (const listener of listeners) listener(key, detail)
      }
    },
  }
}
