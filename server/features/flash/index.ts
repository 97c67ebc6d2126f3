// Connects flash messages to requests, sockets, page events and the live cookie.

import { LiveSessionError } from '../../../shared/errors.js'
import type { JsonValue } from '../../../shared/json.js'
import { after } from '../../../shared/promise.js'
import { FLASH, type FlashAnswer, TAKE_FLASH } from '../../../shared/protocol.js'
import type { Feature, RequestUse } from '../../feature.js'
import { usedLate } from '../../http/late-requests.js'
import type { FeatureParts } from '../../parts.js'
import { Flashes } from './flashes.js'
import { type FlashOptions, NAME, parseFlash, parseMessages, toWire } from './message.js'
import { RequestFlash, receiverOf } from './request-flash.js'

/** Creates the feature for flash messages, which a browser shows once. */
export function flashFeature(parts: FeatureParts): Feature {
  const { connections, settings } = parts
  const flashes = new Flashes(parts)
  const notify = (browser: string): void => {
    for (const connection of connections.of(browser)) connection.emit(FLASH)
  }
  // Creates the object at the first use, because few requests add or take messages.
  const flashOf = ({ visit, ctx }: RequestUse): RequestFlash => {
    const known = visit.findHook(RequestFlash)
    if (known) return known
    const flash = new RequestFlash({ clock: settings.clock, flashes, notify }, visit, ctx.res)
    visit.addHook(flash)
    return flash
  }
  return {
    request: {
      flash: (use, message: JsonValue, options?: FlashOptions) => {
        const input = parseFlash(message, options)
        use.permit()
        return after(use.refreshUser(), () => flashOf(use).add(input))
      },
      // Takes no messages if this response may never be visible: the messages wait for a visible page.
      takeFlash: (use) => {
        const { visit, ctx } = use
        if (ctx.res.headersSent) throw usedLate('takeFlash was called')
        const receiver = receiverOf(ctx, settings)
        return receiver && !visit.isSuperseded ? flashOf(use).consume(receiver) : []
      },
    },
    socket: {
      flash: (use, message: JsonValue, options?: FlashOptions) => {
        const input = parseFlash(message, options)
        use.permit()
        flashes.add(use.visitor.browserSubject, input)
        if (!input.isForNext) use.emit(FLASH)
      },
    },
    events: ({ cookie, visitor }) => {
      const since = flashes.count
      return {
        // A page that reconnects sends `true`, and may not take messages restricted to the next page load.
        [TAKE_FLASH]: (isBack) => {
          if (isBack !== undefined && isBack !== true)
            throw new LiveSessionError('malformed', 'expected nothing, or true after a reconnect')
          const received = parseMessages(cookie?.members?.[NAME])
          const consumed = flashes.consumeOpenly(visitor.browserSubject, received, isBack ? undefined : since)
          return after(
            consumed,
            (messages): FlashAnswer => ({ ok: true, messages: messages.map(({ content }) => content) }),
          )
        },
      }
    },
    cookie: {
      name: NAME,
      isOutdated: (received) => flashes.hasConsumed(parseMessages(received)),
      // Leaves the oldest messages out until the others fit.
      write: (browser, received, fits) => {
        const waiting = flashes.pending(browser, parseMessages(received)).map(toWire)
        while (waiting.length > 0 && !fits(waiting)) waiting.shift()
        return waiting.length > 0 ? waiting : undefined
      },
    },
  }
}
