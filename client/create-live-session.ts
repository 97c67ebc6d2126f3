// `createLiveSession()`, apart from the rest: the packed declarations then name no type of the core.

import type { RegisteredFields } from '../shared/registered.js'
import type { Fields } from '../shared/types.js'
import { createPoster } from './browser/post.js'
import { SHORT_TEXTS } from './error.js'
import { create } from './live-session.js'
import type { LiveSessionClient, LiveSessionClientOptions } from './types.js'

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
  return create(options, SHORT_TEXTS, createPoster)
}
