const KEY = 'hood-open'

/** Whether the visitor has opened the panel in this tab. */
export interface Unfolding {
  isOpen(): boolean
  set(isOpen: boolean): void
}

export function createUnfolding(): Unfolding {
  let isOpen = sessionStorage.getItem(KEY) === 'true'
  return {
    isOpen: () => isOpen,
    set: (isNowOpen) => {
      // Browsers also report the initial opening, which is not the visitor's decision.
      if (isNowOpen === isOpen) return
      isOpen = isNowOpen
      sessionStorage.setItem(KEY, String(isOpen))
    },
  }
}
