import type { Fields } from '../../shared/field-types.js'
import type { Sync } from '../../shared/protocol.js'
import type { Posted } from '../core/messages.js'
import type { LiveSessionClientOptions } from '../types.js'

type Options = LiveSessionClientOptions<Fields>

/** Where to POST, and how: `fetch` has defaults for the rest. */
export type PostOptions = Required<Pick<Options, 'endpoint'>> & Pick<Options, 'credentials' | 'headers'>

/** The page's POSTs: one at a time, which can be aborted, and a last one when the page is left. */
export interface Poster {
  /**
   * Ends with the page: with `keepalive`, Chromium continues an aborted POST and accepts the cookie of its late response, which is a former
   * guest's. The last POST outlives the page, and its answer is not awaited.
   */
  post(body: Sync, patience?: number): void
  /** Aborts the POST in flight: its response sets no cookie. */
  abort(): void
}

export function createPoster(options: PostOptions, onPosted: (posted: Posted) => void): Poster {
  let current: AbortController | undefined
  return {
    post: (body, patience) => {
      if (!patience) return void send(options, body, { keepalive: true })
      const controller = new AbortController()
      current = controller
      const timer = setTimeout(() => controller.abort(), patience)
      // This timer must not keep a Node process alive. In browsers it is a number.
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
  { endpoint, headers, ...how }: PostOptions,
  body: Sync,
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
    const { ok, status } = response
    const json = await response.json().catch(() => undefined)
    return {
      status,
      wait: Number(response.headers.get('retry-after')) * 1000 || 0,
      // A captive portal's page, as in a hotel, is not our answer.
      answer: ok && json?.held ? json : undefined,
      // Without a code, the error is not ours: it is a proxy's, or a guard's of the app.
      error: !ok && typeof json?.error?.code === 'string' ? json.error : undefined,
    }
  } catch {
    return { status: 0, wait: 0 }
  }
}
