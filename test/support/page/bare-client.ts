import { afterAll, beforeEach } from '@jest/globals'
import { createLiveSession, type LiveSessionClient } from 'koa-live-session/client'
import type { AppFields } from '../app/app.js'

/** A client with some values, and the number of its listeners. */
export interface BareClient {
  readonly live: LiveSessionClient<AppFields>
  /** The same client, with the type that hooks expect without registered fields. */
  readonly untyped: LiveSessionClient
  listeners(): number
}

const silence = (): Promise<Response> => new Promise(() => undefined)

const open: LiveSessionClient<AppFields>[] = []
function closeAll(): void {
  for (const live of open.splice(0)) live.close()
}
beforeEach(closeAll)
afterAll(closeAll)

/** @param fetch answers the client's POSTs */
export function bareClient(fetch: () => Promise<Response> = silence): BareClient {
  Object.assign(globalThis, { fetch })
  const client = createLiveSession<AppFields>({ initial: { division: 1, theme: 'light', cart: ['a'], role: 'guest' } })
  open.push(client)
  let listeners = 0
  const counted = (end: () => void): (() => void) => {
    listeners += 1
    return () => {
      listeners -= 1
      end()
    }
  }
  const live: LiveSessionClient<AppFields> = {
    ...client,
    subscribe: (key, listener) => counted(client.subscribe(key, listener)),
    onStatus: (listener) => counted(client.onStatus(listener)),
  }
  return { live, untyped: live as unknown as LiveSessionClient, listeners: () => listeners }
}
