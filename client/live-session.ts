// Creates the client from the app's options, and finds the snapshot of `embed()` in the page.

import type { JsonValue } from '../shared/json.js'
import { type AnySnapshot, DEFAULT_ENDPOINT, EMBED_ID } from '../shared/protocol.js'
import type { RegisteredFields } from '../shared/registered.js'
import type { Fields } from '../shared/types.js'
import { createBrowserEnvironment } from './browser/environment.js'
import { createClient } from './client.js'
import { beginPage, isSnapshot } from './core/page.js'
import { type ErrorTexts, SHORT_TEXTS } from './error.js'
import type { LiveSessionClient, LiveSessionClientOptions } from './types.js'

/** Selects the scripts of `embed()`. User content may add other elements with this id (a heading, a comment), but no script. */
export const EMBEDS: string = `script#${EMBED_ID}[type$=json]`

type Plain = Readonly<Record<string, JsonValue>>

/**
 * Creates the page's client, which shows changes immediately and saves them in the cookie.
 *
 * @example
 * const live = createLiveSession({ socket: io() })
 * live.subscribe('division', (division) => render(division))
 * await live.set('division', 3)
 */
export function createLiveSession<F extends Fields = RegisteredFields>(
  options: LiveSessionClientOptions<F> = {},
): LiveSessionClient<F> {
  return create(options, SHORT_TEXTS)
}

export function create<F extends Fields>(
  options: LiveSessionClientOptions<F>,
  texts: ErrorTexts,
): LiveSessionClient<F> {
  const { socket, endpoint = DEFAULT_ENDPOINT, initial: given, ...how } = options
  const initial = (given ?? embedded()) as AnySnapshot | Plain | undefined
  const { location } = globalThis
  return createClient(
    beginPage(initial, !!socket),
    (dispatch, running) => createBrowserEnvironment(socket, { endpoint, ...how }, texts, dispatch, running),
    texts,
    { socket, endpoint, initial: isSnapshot(initial) ? initial : undefined },
    // A page begins, to send outboxes and to ask for the visitor. Elsewhere, a client begins only to ask an endpoint with an origin.
    !!location || (!initial && !socket && endpoint.includes('://')),
  )
}

/** Returns the snapshot from `embed()`; undefined if there are several scripts, because any of them may be forged. */
function embedded(): unknown {
  const [script, second] = globalThis.document?.querySelectorAll(EMBEDS) ?? []
  return script && !second ? JSON.parse(script.innerHTML) : undefined
}
