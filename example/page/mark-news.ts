/** ms for which the mark is shown. */
const SHOWN = 1500

const timers = new WeakMap<HTMLElement, number>()

/** Briefly marks a change from another tab. */
export function markNews(element: HTMLElement): void {
  clearTimeout(timers.get(element))
  element.toggleAttribute('data-news', true)
  timers.set(
    element,
    window.setTimeout(() => element.toggleAttribute('data-news', false), SHOWN),
  )
}
