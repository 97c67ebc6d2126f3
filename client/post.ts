import type { LiveSessionErrorCode } from '../shared/errors.js'
import type { StoreAnswer, WireChange } from '../shared/protocol.js'

export interface PostOptions {
  readonly endpoint: string
  readonly credentials: RequestCredentials
  readonly headers: () => Readonly<Record<string, string>>
}

export interface PostBody {
  readonly tickets?: readonly string[]
  readonly set?: readonly WireChange[]
}

/** What a POST came to. */
export interface Posted {
  /** 0: no answer. */
  readonly status: number
  /** ms the server asks us to wait. */
  readonly wait: number
  readonly answer?: StoreAnswer
  readonly error?: PostError
}

export interface PostError {
  readonly code: LiveSessionErrorCode
  readonly key?: string
  readonly index?: number
}

/** Sends tickets and changes for the cookie; never rejects. */
export async function post({ endpoint, credentials, headers }: PostOptions, body: PostBody): Promise<Posted> {
  try {
    const response = await fetch(endpoint, {
      method: 'POST',
      // Goes on when the page is left.
      keepalive: true,
      credentials,
      headers: { ...headers(), 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const { status } = response
    const wait = Number(response.headers.get('retry-after')) * 1000 || 0
    const json = await response.json().catch(() => ({}))
    if (response.ok) return { status, wait, answer: json }
    // Without a code of ours it is somebody else's answer: a proxy's, or a guard's of the app.
    return json.error?.code ? { status, wait, error: json.error } : { status, wait }
  } catch {
    return { status: 0, wait: 0 }
  }
}
