import type { Settings } from '../../options.js'
import type { KnownSession } from './known-session.js'
import { isOver, maxAgeOf, type SessionName } from './session-content.js'
import type { SessionMemory } from './session-memory.js'

/** ms between two rounds. */
const PACE = 1000
/** Sessions to check each time: checking a million would block the event loop. */
const EACH_TIME = 1000
/** How many to check at once: the store may be asked for each, and must not become slow for requests. */
const AT_ONCE = 32

type Open = (name: SessionName) => Promise<unknown>

/**
 * Checks all sessions in memory, some at a time, over and over: which have expired, and which to ask the store for.
 *
 * @param open asks the store
 */
export function beginRounds(memory: SessionMemory, open: Open, settings: Settings): NodeJS.Timeout {
  let round = memory.all()
  let isUnderWay = false
  const goOn = async (): Promise<void> => {
    isUnderWay = true
    const due = Array.from({ length: EACH_TIME }, () => round.next()).flatMap(({ done, value }) => (done ? [] : value))
    if (due.length < EACH_TIME) round = memory.all()
    for (let at = 0; at < due.length; at += AT_ONCE)
      await Promise.all(due.slice(at, at + AT_ONCE).map((session) => look(session, memory, open, settings)))
    isUnderWay = false
  }
  return setInterval(() => void (isUnderWay || goOn()), PACE).unref()
}

async function look(session: KnownSession, memory: SessionMemory, open: Open, settings: Settings): Promise<void> {
  const { name, holders, loadedAt, replica, usedAt } = session
  const { maxIdle, store, storeRefresh, clock } = settings
  const now = clock()
  const isStale = store !== undefined && holders.size > 0 && loadedAt + storeRefresh <= now
  // Another process may have renewed an expired one. If the store does not answer, it is checked again later.
  if (isOver(replica, now) || isStale) await open(name).catch(() => undefined)
  // It can be loaded again, or its browser has ended it long ago.
  else if (holders.size === 0 && usedAt + maxIdle <= now && (store !== undefined || maxAgeOf(replica) === 'session'))
    memory.drop(session)
}
