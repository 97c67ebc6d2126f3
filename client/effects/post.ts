import type { PostBody, Posted } from '../core/messages.js'

export interface PostOptions {
  readonly endpoint: string
  readonly credentials: RequestCredentials
  readonly headers: () => Readonly<Record<string, string>>
}

/** The page's POSTs: one at a time, which can be aborted, and a last one as the page is left. */
export interface Poster {
  /**
   * Ends with the page. With `keepalive` Chromium lets an aborted one go on, and takes the cookie of its late answer: a guest's who
   * has left.
   */
  post(body: PostBody): void
  /** Goes on when the page is left. No answer is awaited. */
  postLast(body: PostBody): void
  /** What is under way comes to nothing, and its answer brings no cookie. */
  abort(): void
}

/** ms after which a POST counts as lost: a connection that was cut says nothing. */
const PATIENCE = 10_000

export function createPoster(options: PostOptions, onPosted: (posted: Posted) => void): Poster {
  let current: AbortController | undefined
  return {
    post: (body) => {
      const controller = new AbortController()
      current = controller
      const timer = setTimeout(() => controller.abort(), PATIENCE)
      void send(options, body, { signal: controller.signal, keepalive: false }).then((posted) => {
        clearTimeout(timer)
        if (current === controller) onPosted(posted)
      })
    },
    postLast: (body) => void send(options, body, { signal: null, keepalive: true }),
    abort: () => {
      current?.abort()
      current = undefined
    },
  }
}

/** Never rejects. */
async function send(
  { endpoint, credentials, headers }: PostOptions,
  body: PostBody,
  life: Pick<RequestInit, 'signal' | 'keepalive'>,
): Promise<Posted> {
  try {
    const response = await fetch(endpoint, {
      method: 'POST',
      ...life,
      credentials,
      headers: { ...headers(), 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const { ok, status } = response
    const json = await response.json().catch(() => undefined)
    const wait = Number(response.headers.get('retry-after')) * 1000 || 0
    // The page of a hotel's network is no answer of ours.
    const answer = ok && Array.isArray(json?.held) ? json : undefined
    // Without a code of ours it is another program's: a proxy's, or a guard's of the app.
    const error = !ok && typeof json?.error?.code === 'string' ? json.error : undefined
    return { status, wait, answer, error }
  } catch {
    return { status: 0, wait: 0 }
  }
}
