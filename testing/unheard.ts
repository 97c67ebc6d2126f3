// A connection and a socket without a page at the other end.

import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Link, PageSocket } from '../server/memory/link.js'

/** A connection that stays open until the server ends it. */
export class UnheardLink implements Link {
  readonly request: IncomingMessage = new IncomingMessage(new Socket())
  readonly remoteAddress = undefined
  readonly unread = 0
  readonly #onClose: (() => void)[] = []
  isOpen = true

  async hangUp(): Promise<void> {
    this.terminate()
  }

  terminate(): void {
    this.isOpen = false
    for (const act of this.#onClose.splice(0)) act()
  }

  onClose(act: () => void): void {
    this.#onClose.push(act)
  }

  onPacket(): void {}
}

export function unheardSocket(): PageSocket {
  return {
    id: '',
    rooms: new Set<string>(),
    // The handshake brings no values of a tab.
    handshake: { auth: {} },
    emit: () => undefined,
    on: () => undefined,
    join: () => undefined,
    leave: () => undefined,
  }
}
