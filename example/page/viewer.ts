import { Idiomorph } from 'idiomorph'
import type { LiveSessionClient } from 'koa-live-session/client'
import type { Socket } from 'socket.io-client'
import { findDivision } from '../divisions.js'
import { isViewPath, type NodeEvents, type RenderedView, type ViewEvents, type ViewPath } from '../protocol.js'
import { coalesce } from './coalescer.js'
import { element } from './element.js'

export type ViewSocket = Socket<NodeEvents, ViewEvents>

/** Shows server-rendered views without a page load. */
export interface Viewer {
  /** Whether the page can load a view now. */
  isConnected(): boolean
  /** Resolves with undefined on failure. */
  load(path: ViewPath): Promise<RenderedView | undefined>
  show(view: RenderedView): void
  /** Reloads the view if its division differs from the toggle. */
  refresh(): void
}

/** ms to wait for a view. */
const PATIENCE = 3000

export function createViewer(socket: ViewSocket, live: LiveSessionClient): Viewer {
  const main = element('main', HTMLElement)
  const account = element('account', HTMLElement)
  const announcer = element('announcer', HTMLElement)
  const notice = element('notice', HTMLElement)
  // The path and the division of the shown view; at first, of the view in the page's HTML. The page may know a newer division already.
  let path = isViewPath(location.pathname) ? location.pathname : undefined
  let division = Number(main.dataset['division'])
  let isOutdated = false

  const load = async (wanted: ViewPath): Promise<RenderedView | undefined> => {
    if (!socket.connected) return undefined
    main.ariaBusy = 'true'
    return socket
      .timeout(PATIENCE)
      .emitWithAck('view', wanted)
      .catch(() => undefined)
  }
  const patch = (view: RenderedView): void => {
    const isOther = view.division !== division
    path = view.path
    division = view.division
    isOutdated = false
    document.title = view.title
    morph(main, view.html)
    morph(account, view.account)
    if (isOther) announcer.textContent = `Showing ${spoken(division)}`
  }
  /** Marks the figures as stale while the server does not know the toggle's change yet. */
  const settle = (): void => {
    const isBehind = path !== undefined && division !== live.get('division')
    main.ariaBusy = null
    main.toggleAttribute('data-behind', isBehind)
    notice.textContent = isBehind && !socket.connected ? 'Offline: the figures follow once the connection is back.' : ''
  }

  const refresh = coalesce(async () => {
    const isCurrent = !isOutdated && division === live.get('division')
    const view = path === undefined || isCurrent ? undefined : await load(path)
    // The visitor may have navigated meanwhile.
    if (view && view.path === path) patch(view)
    settle()
  })

  let hasConnected = false
  socket.on('connect', () => {
    // After an outage anything may have changed, including the signed-in user.
    isOutdated = hasConnected
    hasConnected = true
    refresh()
  })
  live.subscribe('division', refresh)
  // Renders a pending choice once the server has received it.
  live.onStatus(refresh)

  return {
    isConnected: () => socket.connected,
    load,
    show: (view) => {
      patch(view)
      refresh()
    },
    refresh,
  }
}

function morph(element: HTMLElement, html: string): void {
  void Idiomorph.morph(element, html, {
    morphStyle: 'innerHTML',
    // Keep the visitor's input.
    ignoreActiveValue: true,
    // Keep unfolded sections open.
    callbacks: { beforeAttributeUpdated: (name) => name !== 'open' },
  })
}

function spoken(division: number): string {
  const found = findDivision(division)
  return found ? `${found.name} division` : 'all divisions'
}
