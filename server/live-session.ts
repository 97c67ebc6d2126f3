// `liveSession()`, apart from the plugin: the packed declarations then name no type of the core.

import type { Fields } from '../shared/types.js'
import { createPlugin, FEATURES } from './plugin.js'
import { check } from './settings/option-checks.js'
import type { AnyApp, LiveSessionPlugin } from './types/live.js'
import type { LiveSessionOptions } from './types/options.js'

/**
 * Adds live session values to a Koa app, once per app: use the `middleware()` and `attach()` of the returned plugin.
 *
 * @param app a Koa 3 app
 * @throws {TypeError} for an invalid app or option, with the expected and the received value and a remedy
 * @example
 * const live = liveSession(app, { fields })
 * app.use(live.middleware())
 * live.attach(new Server(app.listen(3000)))
 */
export function liveSession<const F extends Fields, I = unknown>(
  app: AnyApp,
  options: LiveSessionOptions<F, I>,
): LiveSessionPlugin<F, unknown extends I ? false : true>
export function liveSession(app: AnyApp, options: LiveSessionOptions<Fields>): LiveSessionPlugin<Fields> {
  const call = 'liveSession(app)'
  check(typeof app?.createContext === 'function', call, 'expected a Koa app', typeof app)
  const isFirst = !('liveSession' in app.context)
  check(isFirst, call, 'this app has a live session already. Call liveSession once, and import its result elsewhere')
  // Koa 2 has APIs of the same names with other behaviour: an app would start, and fail later.
  const isKoa3 = typeof app.response?.back === 'function'
  check(isKoa3, call, 'expected an app of Koa 3', 'one of Koa 2. Run npm install koa@3')
  return createPlugin(app, options, FEATURES)
}
