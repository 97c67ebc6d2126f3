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
 * The browser's half: shows values at once, and brings changes home into the cookie.
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

/** A client that says in these words what is wrong. */
export function create<F extends Fields>(options: LiveSessionClientOptions<F>, advice: Advice): LiveSessionClient<F> {
  const { socket, endpoint = DEFAULT_ENDPOINT, credentials = 'same-origin', headers = {} } = options
  const initial = (options.initial ?? embedded()) as AnySnapshot | Plain | undefined
  const { location } = globalThis
  return createClient(
    beginPage(initial, !!socket),
    (dispatch, { timers }) => createPage(socket, { endpoint, credentials, headers }, advice, dispatch, timers),
    advice,
    { socket, endpoint, initial: isSnapshot(initial) ? initial : undefined },
    // What was left is sent, and what the page cannot vouch for is looked at. On a server a path leads nowhere.
    !!location || (!initial && !socket && endpoint.includes('://')),
  )
}

/**
 * What `embed()` put into the page: an inert script, which visitors cannot put there, as they can what has its id (a heading, a comment). Of
 * several it is not known which is the server's.
 */
function embedded(): unknown {
  const [script, second] = globalThis.document?.querySelectorAll(`script#${EMBED_ID}[type$=json]`) ?? []
  return script && !second ? JSON.parse(script.innerHTML) : undefined
}
