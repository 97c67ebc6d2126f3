// The core behind `memorySession` and `memoryAppSession`.

import Koa from 'koa'
import { spaceForRegisters } from '../server/cookie/size.js'
import { type Core, createCore } from '../server/core.js'
import type { MakeFeature } from '../server/parts.js'
import { resolveOptions } from '../server/resolve-options.js'
import type { Settings } from '../server/settings/settings.js'
import type { Fields } from '../shared/types.js'

/** The signing key may be public: nothing signed leaves the session. */
const KEYS = ['the key of sessions that only tests have']

/** Creates the core of a process of its own, without a store. Its clock follows fake timers. */
export function memoryCore(fields: Fields, makers: readonly MakeFeature[]): Core {
  const app = new Koa()
  return createCore(app, settingsFor(app, fields), makers)
}

/** Resolves the options with the default `cookieBudget`, as the app's is unknown here, or with the maximum if the fields need more. */
function settingsFor(app: Koa, fields: Fields): Settings {
  const own = { keys: KEYS, clock: () => Date.now() }
  try {
    return resolveOptions(app, { ...own, fields })
  } catch {
    const { cookie } = resolveOptions(app, { ...own, fields: {} })
    return resolveOptions(app, { ...own, fields, cookieBudget: spaceForRegisters(cookie) })
  }
}
