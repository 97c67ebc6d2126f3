import { createLiveSession } from 'koa-live-session/client'
import { io } from 'socket.io-client'
import type { fields } from './fields.js'

const live = createLiveSession<typeof fields>({ socket: io({ transports: ['websocket'] }) })

/** Adds these items, some ms apart. The promise resolves in the same task in which the last item is added. */
async function add(items: readonly string[], apart: number): Promise<void> {
  for (const [index, item] of items.entries()) {
    if (index > 0 && apart > 0) await new Promise((resolve) => setTimeout(resolve, apart))
    live.update('cart', (cart) => [...cart, item]).catch(() => undefined)
  }
}

Object.assign(globalThis, { live, add })
