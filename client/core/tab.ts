// Decides when the outbox of this tab is restored and stored. Only `keepTab` imports this file, so apps without `keepTab` do not load it.

import { restoreOutboxes, serializeOutbox } from './outbox.js'
import type { Page } from './page.js'

/** After an event, restores the tab's outbox if the event restores the other outboxes, then stores the tab's outbox. */
export function followTab(page: Page): void {
  const { effects, kind, socket, tab, who } = page
  if (page.cookie !== 'accepted') return
  if (effects.some(([what]) => what === 'restore')) restoreOutboxes(page, [tab ?? ''])
  // After a sign-in, keep the guest's outbox until the greeting: the handshake sends its tickets, and the server decides which values stay.
  if (kind === 'user' && socket !== 'none' && socket !== 'greeted' && tab && !tab.startsWith(`["${who}"`)) return
  page.tab = serializeOutbox(page, true)
  effects.unshift(['saveTab', page.tab])
}
