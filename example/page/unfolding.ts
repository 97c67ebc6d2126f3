const KEY = 'hood-open'
/** Where the panel leaves enough of the view to be seen. */
const WIDE = '(min-width: 60rem) and (min-height: 40rem)'

/** Whether the panel is open: on a wide screen, until the visitor of this tab decides otherwise. */
export interface Unfolding {
  isOpen(): boolean
  set(isOpen: boolean): void
}

export function createUnfolding(): Unfolding {
  const decided = sessionStorage.getItem(KEY)
  let isOpen = decided === null ? matchMedia(WIDE).matches : decided === 'true'
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
