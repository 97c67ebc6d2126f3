import type { Fields } from '../../shared/field-types.js'
import type { RegisteredFields } from '../../shared/registered.js'
import { followAddress as address } from '../address.js'
import { onFlash as flash } from '../flash.js'
import { followHandOffs as handOffs } from '../hand-offs.js'
import { insideOf } from '../inside.js'
import { create } from '../live-session.js'
import type { LiveSessionClient, LiveSessionClientOptions } from '../types.js'
import { adviceFor } from './advice.js'
import { has, missForgotten } from './forgotten.js'
import { watchSocket } from './warning.js'

/** Creates the client as in production, with warnings and full error messages. */
export function createLiveSession<F extends Fields = RegisteredFields>(
  options: LiveSessionClientOptions<F> = {},
): LiveSessionClient<F> {
  const live = create(options, adviceFor(options))
  missForgotten(live)
  watchSocket(insideOf(live))
  return live
}

export const onFlash: typeof flash = (live, listener) => {
  has(live, 'onFlash')
  return flash(live, listener)
}

export const followAddress: typeof address = (live) => {
  has(live, 'followAddress')
  return address(live)
}

export const followHandOffs: typeof handOffs = (live) => {
  has(live, 'followHandOffs')
  return handOffs(live)
}
