// Parts that a page needs and has not imported.

import { FLASH, HAND_OFF } from '../../shared/protocol.js'
import { insideOf } from '../inside.js'
import type { AnyClient } from '../types.js'

/** A part of the client that is imported separately. */
export type Part = 'onFlash' | 'followAddress' | 'followHandOffs'

const parts = new WeakMap<object, Set<Part>>()

/** Notes that the client has this part. */
export function has(live: AnyClient, part: Part): void {
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
    if (key in urls) miss('followAddress', `the address does not follow "${key}"`, 'followAddress(live)')
  })
  onClose(() => void socket?.off(FLASH, flash).off(HAND_OFF, handOff))
}
