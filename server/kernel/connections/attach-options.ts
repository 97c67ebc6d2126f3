// The options of `live.attach(io, options)`, checked.

import type Koa from 'koa'
import { isMs, MS } from '../../../shared/ms.js'
import { checkNames } from '../../options.js'
import type { AttachOptions } from '../../plugin-types.js'

/** ms */
const FIVE_MINUTES = 5 * 60 * 1000
const OPTIONS = ['handshake', 'recheck']

interface AttachSettings {
  readonly handshake: readonly Koa.Middleware[]
  readonly recheck: number
}

/** @throws {TypeError} saying what was expected, what was received and what to do */
export function resolveAttachOptions(options: AttachOptions | undefined, hasIdentify: boolean): AttachSettings {
  checkNames(options, OPTIONS, 'attach(io): ')
  if (hasIdentify && !options?.handshake) {
    throw new TypeError(
      'koa-live-session: attach(io): identify is set but handshake is not, so every socket would be anonymous. ' +
        'Pass the middleware identify relies on: attach(io, { handshake: [session, passport.session()] })',
    )
  }
  const handshake = [options?.handshake ?? []].flat()
  for (const [index, middleware] of handshake.entries()) {
    if (typeof middleware === 'function') continue
    throw new TypeError(
      `koa-live-session: attach(io): handshake: expected Koa middleware, received ${typeof middleware} as number ${index + 1}. ` +
        'Pass the very functions that app.use has',
    )
  }
  const { recheck = FIVE_MINUTES } = options ?? {}
  if (isMs(recheck) || recheck === Number.POSITIVE_INFINITY) return { handshake, recheck }
  throw new TypeError(
    `koa-live-session: attach(io): recheck: expected ${MS}, or Infinity to ask never, received ${String(recheck)}`,
  )
}
