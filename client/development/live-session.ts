import type { Fields } from '../../shared/field-types.js'
import { FLASH, HAND_OFF } from '../../shared/protocol.js'
import type { RegisteredFields } from '../../shared/registered.js'
import { followAddress as address } from '../address.js'
import { onFlash as flash } from '../flash.js'
import { followHandOffs as handOffs } from '../hand-offs.js'
import { insideOf } from '../inside.js'
import { keepTab as tab } from '../keep-tab.js'
import { create } from '../live-session.js'
import type { AnyClient, LiveSessionClient, LiveSessionClientOptions } from '../types.js'
import { adviceFor } from './advice.js'
import { watchSocket } from './warning.js'

const parts = new WeakMap<object, Set<Part>>()

/** A part of the client that is imported separately. */
type Part = 'onFlash' | 'followAddress' | 'followHandOffs' | 'keepTab'

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

export const keepTab: typeof tab = (live) => {
  has(live, 'keepTab')
  return tab(live)
}

/** Notes that the client has this part. */
function has(live: AnyClient, part: Part): void {
  const inside = insideOf(live)
  parts.set(inside, (parts.get(inside) ?? new Set()).add(part))
}

/** Warns in the console, once for each part, if the page needs a part that it does not have. */
export function missForgotten(live: AnyClient): void {
  const inside = insideOf(live)
  const { socket, initial, onClose } = inside
  const urls = initial?.urls ?? {}
  const told = new Set<Part>()
  const miss = (part: Part, what: string, call: string): void => {
    if (parts.get(inside)?.has(part) || told.has(part)) return
    told.add(part)
    console.warn(`koa-live-session: ${what}. Call ${call}: import { ${part} } from 'koa-live-session/client'`)
  }
  const flash = (): void => miss('onFlash', 'a flash message waits for a page that shows it', 'onFlash(live, listener)')
  const handOff = (): void => miss('followHandOffs', 'a hand-off is not followed', 'followHandOffs(live)')
  socket?.on(FLASH, flash).on(HAND_OFF, handOff)
  live.onChange(({ key }) => {
    if (initial?.tab?.includes(key)) miss('keepTab', `a reload loses "${key}"`, 'keepTab(live)')
    if (key in urls) miss('followAddress', `the address does not follow "${key}"`, 'followAddress(live)')
  })
  onClose(() => void socket?.off(FLASH, flash).off(HAND_OFF, handOff))
}
