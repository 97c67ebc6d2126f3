import type { StoreAnswer, WireChange } from '../shared/protocol.js'
import type { Reason } from './draft.js'

export interface PostOptions {
  readonly endpoint: string
  readonly credentials: RequestCredentials
  readonly headers: () => Readonly<Record<string, string>>
}

export interface PostBody {
  readonly tickets?: readonly string[]
  readonly set?: readonly WireChange[] | undefined
  /** Whose page this is: nothing of it may be taken for another subject's. */
  readonly subject?: string | undefined
}

/** What a POST came to: an answer, a refusal, or neither. */
export interface Posted {
  /** 0: no answer. */
  readonly status: number
  /** ms the server asks us to wait. */
  readonly wait: number
  readonly answer?: StoreAnswer
  readonly error?: PostError | undefined
}

export interface PostError extends Reason {
  readonly key?: string
  readonly index?: number
}

const NO_ANSWER: Posted = { status: 0, wait: 0 }
/** ms after which a POST counts as lost: a connection that was cut says nothing. */
const PATIENCE = 10_000

/** Sends tickets and changes for the cookie; never rejects. */
export async function post({ endpoint, credentials, headers }: PostOptions, body: PostBody): Promise<Posted> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), PATIENCE)
  try {
    const response = await fetch(endpoint, {
      method: 'POST',
      // Goes on when the page is left.
      keepalive: true,
      signal: controller.signal,
      credentials,
      headers: { ...headers(), 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const { ok, status } = response
    const json = await response.json().catch(() => undefined)
    // The page of a hotel's network is no answer of ours.
    if (ok) return { status, wait: 0, ...(Array.isArray(json?.held) && { answer: json }) }
    const wait = Number(response.headers.get('retry-after')) * 1000 || 0
    // Without a code of ours the answer is not the endpoint's: it is a proxy's, or a guard's of the app.
    return { status, wait, error: typeof json?.error?.code === 'string' ? json.error : undefined }
  } catch {
    return NO_ANSWER
  } finally {
    clearTimeout(timer)
  }
}
