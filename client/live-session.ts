import type { Fields } from '../shared/field-types.js'
import type { JsonValue } from '../shared/json.js'
import { type AnySnapshot, DEFAULT_ENDPOINT, EMBED_ID } from '../shared/protocol.js'
import type { RegisteredFields } from '../shared/registered.js'
import { type Advice, BRIEF } from './advice.js'
import { createClient } from './client.js'
import { beginPage, isSnapshot } from './core/page.js'
import { createPage } from './effects/page.js'
import type { LiveSessionClient, LiveSessionClientOptions } from './types.js'

type Plain = Readonly<Record<string, JsonValue>>

/**
 * Creates the browser's half, which shows values at once and saves changes in the cookie.
 *
 * @example
 * const live = createLiveSession({ socket: io() })
 * live.subscribe('division', (division) => render(division))
 * await live.set('division', 3)
 */
export function createLiveSession<F extends Fields = RegisteredFields>(
  options: LiveSessionClientOptions<F> = {},
): LiveSessionClient<F> {
  return create(options, BRIEF)
}

/** Creates a client that reports errors in these words. */
export function create<F extends Fields>(options: LiveSessionClientOptions<F>, advice: Advice): LiveSessionClient<F> {
  const { socket, endpoint = DEFAULT_ENDPOINT, initial: given, ...how } = options
  const initial = (given ?? embedded()) as AnySnapshot | Plain | undefined
  const { location } = globalThis
  return createClient(
    beginPage(initial, !!socket),
    (dispatch, { timers }) => createPage(socket, { endpoint, ...how }, advice, dispatch, timers),
    advice,
    { socket, endpoint, initial: isSnapshot(initial) ? initial : undefined },
    // Sends what was left over, and checks what the page cannot vouch for. On a server, a path leads nowhere.
    !!location || (!initial && !socket && endpoint.includes('://')),
  )
}

/** Returns the scripts of `embed()`: visitors may add other elements with their id (a heading, a comment), but no script. */
export function embeds(): Iterable<Element> {
  return globalThis.document?.querySelectorAll(`script#${EMBED_ID}[type$=json]`) ?? []
}

/** What `embed()` put into the page. If there are several, it is unknown which is the server's. */
function embedded(): unknown {
  const [script, second] = embeds()
  return script && !second ? JSON.parse(script.innerHTML) : undefined
}
