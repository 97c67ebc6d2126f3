// Warns before the visitor's session ends, and extends the session.

import type { Unsubscribe } from '../shared/observable.js'
import type { PageAnswer, WireEnd } from '../shared/protocol.js'
import { send } from './browser/post.js'
import { internalsOf } from './internals.js'
import { guarded } from './notifier.js'
import type { AnyClient, EndingSession, SessionEndOptions } from './types.js'

/** Maximum ms between two looks at the clock, because the machine may sleep, and between two questions near the end. */
const PAUSE = 60_000
/** ms after which a question counts as lost. */
const TIMEOUT = 10_000
/** After these events, the page may have slept, or another tab may have extended the session. `visibilitychange` bubbles to the window. */
const EVENTS = ['visibilitychange', 'pageshow', 'online']

/**
 * Calls the listener before the visitor's session ends, so that the page can offer to extend the session (WCAG 2.2.1): when `before` ms are
 * left, then about once a minute. Also calls the listener when the session was extended, here or elsewhere, and when it has ended, even
 * while the machine slept. The session is koa-session's or the live cookie, whichever ends first. Asking for the end extends neither.
 *
 * @throws {TypeError} if `live` is not a client
 * @example
 * onSessionEnd(live, ({ status, left, extend }) => {
 *   if (status === 'ending') showDialog(`${Math.ceil(left / 60_000)} minutes left`, extend)
 *   else hideDialog()
 * })
 */
export function onSessionEnd(
  live: AnyClient,
  listener: (session: EndingSession) => void,
  { before = 300_000 }: SessionEndOptions = {},
): Unsubscribe {
  const { page, dispatch, onClose, posts } = internalsOf(live)
  const notify = guarded(listener)
  /** The session's end from the last answer; undefined if unknown. */
  let end: WireEnd | undefined
  /** The times of the last answer by two clocks: the first may be set back, the second may stop while the machine sleeps. */
  let times: readonly number[] = []
  let isWarned: boolean | undefined
  let isClosed: boolean | undefined
  /** The `who` of the ended session. */
  let ended: string | undefined
  let looks = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  const clocks = (): readonly number[] => [Date.now(), performance.now()]
  const leftOf = ([left]: WireEnd): number =>
    Math.max(0, left - Math.max(...clocks().map((now, i) => now - (times[i] as number))))
  const tell = (status: EndingSession['status']): void => {
    isWarned = status === 'ending'
    if (status === 'ended') end = undefined
    notify({ status, left: end ? leftOf(end) : 0, canExtend: !!end?.[1], extend })
  }
  const post = async (isExtension: boolean): Promise<PageAnswer | undefined> => {
    const body = { who: page.who, extend: isExtension }
    return (await send(posts, body, { signal: AbortSignal.timeout(TIMEOUT) })).answer as PageAnswer | undefined
  }
  const extend = async (): Promise<void> => {
    await post(true)
    await look(true)
  }
  const plan = (): void => {
    clearTimeout(timer)
    const ms = end ? leftOf(end) - (isWarned ? 0 : before) : 0
    timer = setTimeout(look, ms > 0 ? Math.min(PAUSE, ms + 1) : PAUSE)
    // In browsers, timers are numbers without `unref`.
    timer.unref?.()
  }
  /** Asks the server if the end is near or unknown. */
  const look = async (mustAsk?: unknown): Promise<void> => {
    if (isClosed) return
    plan()
    looks += 1
    const own = looks
    if (page.cookie !== 'accepted' || page.who === ended) return
    if (mustAsk !== true && end && !isWarned && leftOf(end) > before) return
    const answer = await post(false)
    if (isClosed || own !== looks) return
    if (answer?.otherVisitor || (answer && end?.[2] && !answer.end?.[2])) {
      tell('ended')
      if (!answer.otherVisitor) return
      ended = page.who
      // These events make the page ask for its visitor.
      dispatch('wake')
      dispatch('use')
      return
    }
    if (answer?.end) {
      end = answer.end
      times = clocks()
    }
    // Without an answer, such as when offline, the page's own clocks tell how much time is left.
    if (end && leftOf(end) <= before) tell('ending')
    else if (isWarned) tell('extended')
    plan()
  }
  const forget = live.onVisitor(() => {
    if (isWarned) tell('ended')
    end = undefined
    void look()
  })
  const unsubscribe = (): void => {
    isClosed = true
    clearTimeout(timer)
    forget()
    for (const event of EVENTS) globalThis.removeEventListener?.(event, look)
  }
  for (const event of EVENTS) globalThis.addEventListener?.(event, look)
  onClose(unsubscribe)
  void look()
  return unsubscribe
}
