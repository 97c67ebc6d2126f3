import { INTERNALS, type Internals } from '../../../client/internals.js'
import type { AnyClient } from '../../../client/types.js'

/** A client with only the interface for a part such as `keepTab`. */
export interface BareInside {
  readonly live: AnyClient
  visit(): void
  change(key: string, source?: string): void
  close(): void
}

export function bareInside(inside: Partial<Omit<Internals, 'onClose'>> = {}): BareInside {
  const ends: (() => void)[] = []
  const visits: (() => void)[] = []
  const changes: ((change: { readonly key: string; readonly source: string }) => void)[] = []
  const live = {
    get: () => 1,
    has: () => true,
    set: () => undefined,
    onVisitor: (listener: () => void) => void visits.push(listener),
    onChange: (listener: (change: { readonly key: string; readonly source: string }) => void) =>
      void changes.push(listener),
    [INTERNALS]: {
      socket: undefined,
      posts: { endpoint: '/store_session' },
      initial: undefined,
      page: { isReady: true },
      ...inside,
      onClose: (end: () => void) => void ends.push(end),
    },
  }
  return {
    live: live as unknown as AnyClient,
    visit: () => {
      for (const listener of visits) listener()
    },
    change: (key, source = 'request') => {
      for (const listener of changes) listener({ key, source })
    },
    close: () => {
      for (const end of ends.splice(0)) end()
    },
  }
}
