/** ms without scrolling before a save of the position. */
const REST = 100

/**
 * Keeps the scroll position in the history. On navigation back, the browser would restore the position too early, before the view is
 * rendered.
 */
export function rememberScroll(): void {
  history.scrollRestoration = 'manual'
  const before = positionIn(history.state)
  if (before !== undefined) window.scrollTo(0, before)
  let timer = 0
  window.addEventListener('scroll', () => {
    clearTimeout(timer)
    timer = window.setTimeout(() => history.replaceState({ scroll: window.scrollY }, ''), REST)
  })
}

/** Scrolls to the history entry's saved position; a new entry starts at the top. */
export function restoreScroll(): void {
  window.scrollTo(0, positionIn(history.state) ?? 0)
}

function positionIn(state: unknown): number | undefined {
  const isKnown = typeof state === 'object' && state !== null && 'scroll' in state
  return isKnown ? Number(state.scroll) : undefined
}
