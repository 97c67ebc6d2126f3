// Closes connections whose browser leaves too many bytes unread.

import type { GuestMemory } from '../memory/guest-memory.js'
import type { Link } from '../memory/link.js'

/** Maximum unread bytes of a connection: twice the largest event that socket.io accepts by default. */
const MOST_UNREAD = 2_000_000
/** Unread bytes that any page may have for a moment. */
const USUAL = 64_000

/**
 * Closes a connection with too many unread bytes, and returns true. Counts fewer unread bytes toward the guest memory, which may close the
 * connection later. No value is lost, because a page gets all values when it reconnects.
 */
export function hangUpIfUnread(link: Link, guestMemory: GuestMemory): boolean {
  const { unread } = link
  const isTooMuch = unread > MOST_UNREAD
  guestMemory.pin(link, unread > USUAL && !isTooMuch ? unread : 0, () => {
    // The browser may have read the packets meanwhile.
    if (link.unread > USUAL) link.terminate()
  })
  if (isTooMuch) link.terminate()
  return isTooMuch
}
