// POSTs a page's messages by `fetch`, with a timeout and an abort, and parses the responses.

import { isOwnCode } from '../../shared/codes.js'
import type { PageMessage, PostBody } from '../../shared/protocol.js'
import type { Fields } from '../../shared/types.js'
import type { Posted } from '../core/events.js'
import type { LiveSessionClientOptions } from '../types.js'

type Options = LiveSessionClientOptions<Fields>

/** The URL and options of POSTs; `fetch` has defaults for the rest. */
export type PostOptions = Required<Pick<Options, 'endpoint'>> & Pick<Options, 'credentials' | 'headers'>

/** The page's POSTs: one at a time, abortable, and a last POST when the page unloads. */
interface Poster {
  /**
   * POSTs a message. Without `timeout`, the POST is the page's last, outlives the page and awaits no answer. Any other POST ends with the
   * page: with `keepalive`, Chromium would continue even an aborted POST, and store a former guest's cookie from its late response.
   */
  post(body: PageMessage, timeout?: number): void
  /** Aborts the POST in flight, so that its response sets no cookie. */
  abort(): void
}

/** Creates the page's poster. `onPosted` receives the outcome of each POST, except the last. */
export type CreatePoster = (options: PostOptions, onPosted: (posted: Posted) => void) => Poster

export const createPoster: CreatePoster = (options, onPosted) => {
  let current: AbortController | undefined
  return {
    post: (body, timeout) => {
      if (!timeout) return void send(options, body, { keepalive: true })
      const controller = new AbortController()
      current = controller
      // After the response, an abort has no effect, so the timer need not keep a Node process alive. Browsers have no `unref`.
      setTimeout(() => controller.abort(), timeout).unref?.()
      void send(options, body, { signal: controller.signal }).then((posted) => {
        if (current === controller) onPosted(posted)
      })
    },
    abort: () => {
      current?.abort()
      current = undefined
    },
  }
}

/** POSTs a message. Never rejects. */
export async function send(
  { endpoint, headers, ...how }: PostOptions,
  body: PageMessage,
  life: Pick<RequestInit, 'signal'> | Pick<RequestInit, 'keepalive'>,
): Promise<Posted> {
  try {
    const response = await fetch(endpoint, {
      method: 'POST',
      ...life,
      ...how,
      headers: {
        ...(typeof headers === 'function' ? headers() : headers),
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
    })
    const json: PostBody | undefined = await response.json().catch(() => undefined)
    return {
      response,
      wait: Number(response.headers.get('retry-after')) * 1000 || 0,
      // The login page of a captive portal is not our answer.
      answer: response.ok && json?.persisted && json,
      error: isOwnCode(json?.error?.code) && json?.error,
    }
  } catch {
    return { wait: 0 }
  }
}
