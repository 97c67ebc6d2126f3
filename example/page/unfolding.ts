const KEY = 'hood-open'

/** Whether the panel is open: once the visitor of this tab has opened it. */
export interface Unfolding {
  isOpen(): boolean
  set(isOpen: boolean): void
}

export function createUnfolding(): Unfolding {
  let isOpen = sessionStorage.getItem(KEY) === 'true'
  return {
    isOpen: () => isOpen,
    set: (isNowOpen) => {
      // Browsers tell of the first opening, too, which is no decision.
      if (isNowOpen === isOpen) return
      isOpen = isNowOpen
      sessionStorage.setItem(KEY, String(isOpen))
    },
  }
}
