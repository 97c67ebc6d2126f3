// Decides when the outbox of this tab is restored and stored. Only `keepTab` imports this file, so apps without it do not load it.

import { restoreOutboxes, serializeOutbox } from './outbox.js'
import type { Page } from './page.js'

/** Restores and stores the tab's outbox after an event, with the other outboxes. */
export function followTab(page: Page): void {
  const { effects, kind, socket, tab, who } = page
  if (page.cookie !== 'accepted') return
  if (effects.some(([what]) => what === 'restore')) restoreOutboxes(page, [tab ?? ''])
  // After a sign-in, the connection first brings the guest's tickets: only the server decides which values follow.
  if (kind === 'user' && socket !== 'none' && socket !== 'greeted' && tab && !tab.startsWith(`["${who}"`)) return
  page.tab = serializeOutbox(page, true)
  effects.unshift(['saveTab', page.tab])
}
