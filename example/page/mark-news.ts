/** ms */
const SHOWN = 1500

/** Marks for a moment what another tab has changed. */
export function markNews(element: HTMLElement): void {
  element.toggleAttribute('data-news', true)
  setTimeout(() => element.toggleAttribute('data-news', false), SHOWN)
}
