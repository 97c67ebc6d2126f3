import type { Fields } from '../../shared/field-types.js'
import type { Sync } from '../../shared/protocol.js'
import type { Posted } from '../core/messages.js'
import type { LiveSessionClientOptions } from '../types.js'

export type PostOptions = Required<Pick<LiveSessionClientOptions<Fields>, 'endpoint' | 'credentials' | 'headers'>>

/** The page's POSTs: one at a time, which can be aborted, and a last one as the page is left. */
export interface Poster {
  /**
   * Ends with the page. With `keepalive` Chromium lets an aborted one go on, and takes the cookie of its late answer: a guest's who
   * has left. The last one goes on when the page is left, and no answer is awaited.
   */
  post(body: Sync, isLast: boolean): void
  /** What is under way comes to nothing, and its answer brings no cookie. */
  abort(): void
}

/** ms after which a POST counts as lost: a connection that was cut says nothing. */
const PATIENCE = 10_000

export function createPoster(options: PostOptions, onPosted: (posted: Posted) => void): Poster {
  let current: AbortController | undefined
  return {
    post: (body, isLast) => {
      if (isLast) return void send(options, body, { keepalive: true })
      const controller = new AbortController()
      current = controller
      const timer = setTimeout(() => controller.abort(), PATIENCE)
      // A limit is nothing that a process in Node should stay for. In browsers it is a number.
      timer.unref?.()
      void send(options, body, { signal: controller.signal }).then((posted) => {
        clearTimeout(timer)
        if (current === controller) onPosted(posted)
      })
    },
    abort: () => {
      current?.abort()
      current = undefined
    },
  }
}

/** Never rejects. */
async function send(
  { endpoint, credentials, headers }: PostOptions,
  body: Sync,
  life: Pick<RequestInit, 'signal'> | Pick<RequestInit, 'keepalive'>,
): Promise<Posted> {
  try {
    const response = await fetch(endpoint, {
      method: 'POST',
      ...life,
      credentials,
      headers: {
        ...(typeof headers === 'function' ? headers() : headers),
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
    })
    const { ok, status } = response
    const json = await response.json().catch(() => undefined)
    return {
      status,
      wait: Number(response.headers.get('retry-after')) * 1000 || 0,
      // The page of a hotel's network is no answer of ours.
      answer: ok && json?.held ? json : undefined,
      // Without a code of ours it is another program's: a proxy's, or a guard's of the app.
      error: !ok && typeof json?.error?.code === 'string' ? json.error : undefined,
    }
  } catch {
    return { status: 0, wait: 0 }
  }
}
