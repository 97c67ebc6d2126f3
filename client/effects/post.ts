import type { Fields } from '../../shared/field-types.js'
import type { Sync } from '../../shared/protocol.js'
import type { Posted } from '../core/messages.js'
import type { LiveSessionClientOptions } from '../types.js'

export type PostOptions = Required<Pick<LiveSessionClientOptions<Fields>, 'endpoint' | 'credentials' | 'headers'>>

/** The page's POSTs: one at a time, which can be aborted, and a last one when the page is left. */
export interface Poster {
  /**
   * Sends a POST that ends with the page. With `keepalive` Chromium lets an aborted one continue, and accepts the cookie of its late
   * response: that of a guest who has left. The last one continues when the page is left, and no response is awaited.
   */
  post(body: Sync, isLast: boolean): void
  /** Aborts the POST in progress, so that its response brings no cookie. */
  abort(): void
}

/** ms after which a POST counts as lost: a cut connection gives no sign. */
const PATIENCE = 10_000

export function createPoster(options: PostOptions, onPosted: (posted: Posted) => void): Poster {
  let current: AbortController | undefined
  return {
    post: (body, isLast) => {
      if (isLast) return void send(options, body, { signal: null, keepalive: true })
      const controller = new AbortController()
      current = controller
      const timer = setTimeout(() => controller.abort(), PATIENCE)
      // A time limit should not keep a Node process alive. In browsers it is a number.
      timer.unref?.()
      void send(options, body, { signal: controller.signal, keepalive: false }).then((posted) => {
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
  life: Pick<RequestInit, 'signal' | 'keepalive'>,
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
      // The login page of a hotel's network is not our answer.
      answer: ok && json?.held ? json : undefined,
      // Without a code of ours it comes from another program: a proxy, or a guard of the app.
      error: !ok && typeof json?.error?.code === 'string' ? json.error : undefined,
    }
  } catch {
    return { status: 0, wait: 0 }
  }
}
