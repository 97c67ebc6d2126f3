import { isViewPath, type ViewPath } from '../protocol.js'
import { restoreScroll } from './scroll.js'
import type { Viewer } from './viewer.js'

/** Makes links and the history show views over the socket; without a connection, they load pages as usual. */
export function takeOverNavigation(viewer: Viewer, onArrival: () => void): void {
  let newest = 0
  let shown = location.pathname

  const go = async (path: ViewPath, arrive: () => void, giveUp: () => void): Promise<void> => {
    newest += 1
    const turn = newest
    const view = await viewer.load(path)
    // The visitor may have followed another link meanwhile.
    if (turn !== newest) return
    if (!view) return giveUp()
    arrive()
    onArrival()
    shown = path
    viewer.show(view)
    markCurrent(path)
    // Screen readers continue from the heading, as they would from the top of a new page.
    document.querySelector('h1')?.focus({ preventScroll: true })
    restoreScroll()
  }

  document.addEventListener('click', (event) => {
    const path = followed(event)
    if (path === undefined || !viewer.isConnected()) return
    event.preventDefault()
    const arrive = (): void => {
      // Keep the query, which has the choice.
      if (path !== location.pathname) history.pushState(null, '', path + location.search)
    }
    void go(path, arrive, () => location.assign(path))
  })
  window.addEventListener('popstate', () => {
    const path = location.pathname
    // Skip a jump to a fragment within the same view.
    if (path === shown) return
    const reload = (): void => location.reload()
    if (isViewPath(path)) void go(path, () => undefined, reload)
    else reload()
  })
}

/** Returns the target view of a click; undefined if the browser should handle the click: a new tab, a download, a fragment. */
function followed(event: MouseEvent): ViewPath | undefined {
  const { target, button, defaultPrevented, metaKey, ctrlKey, shiftKey, altKey } = event
  const link = target instanceof Element ? target.closest('a') : null
  if (!link || defaultPrevented || button !== 0 || metaKey || ctrlKey || shiftKey || altKey) return undefined
  if (link.target !== '' || link.hasAttribute('download') || link.origin !== location.origin) return undefined
  return link.hash === '' && link.search === '' && isViewPath(link.pathname) ? link.pathname : undefined
}

function markCurrent(path: ViewPath): void {
  for (const link of document.querySelectorAll('nav a')) {
    link.ariaCurrent = link.getAttribute('href') === path ? 'page' : null
  }
}
