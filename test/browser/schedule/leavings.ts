import { pick, type Random } from '../../simulation/random.js'
import { within } from '../../support/app/within.js'
import type { Fault, FaultProxy } from '../../support/servers/fault-proxy.js'
import type { Record } from './record.js'
import type { ScheduledTab } from './scheduled-tab.js'

/** How far the exchange of a page's changes has got when the page is left. */
type Point = 'not sent' | 'sent' | 'taken' | 'answered' | 'POSTed'
type Way = 'link' | 'reload' | 'close' | 'crash' | 'away'

const POINTS: readonly Point[] = ['not sent', 'sent', 'taken', 'answered', 'POSTed']
const WAYS: readonly Way[] = ['link', 'reload', 'close', 'crash', 'away']
/** The fate of the POST that a page sends at its unload; mostly delivered. */
const LAST: readonly (Fault | undefined)[] = [undefined, undefined, 'lose request', 'hold request', 'hold answer']
/** When held messages continue; later means with any other step, at the latest when the schedule settles. */
const RELEASES = ['before it is left', 'after it is left', 'later', 'later'] as const
/** Items of one turn of the event loop, at the most. */
const ITEMS = 4

/** The message that the network holds, so that an exchange gets no further. */
const HOLDS: Readonly<globalThis.Record<Point, (network: FaultProxy) => void>> = {
  'not sent': () => undefined,
  sent: (network) => network.hold('to server'),
  taken: (network) => network.hold('to page'),
  answered: (network) => network.break('hold request'),
  POSTed: (network) => network.break('hold answer'),
}

/**
 * A page adds a few items, and a few more once the exchange of the former items has reached some point; then its visitor leaves. A page or a server
 * that merges these changes loses some, or applies them twice.
 */
export async function addAndLeave(
  tab: ScheduledTab,
  random: Random,
  network: FaultProxy,
  record: Record,
): Promise<void> {
  const points = pointsOf(random)
  const way = pick(WAYS, random.next()) ?? 'link'
  const last = pick(LAST, random.next())
  const release = pick(RELEASES, random.next()) ?? 'later'
  network.release()
  await tab.isReady()
  for (const point of points) {
    const items = record.nextItems(1 + random.below(ITEMS))
    record.note(`${tab.name} adds ${items}, ${point}`)
    await reach(point, tab, items, network)
  }
  const items = record.nextItems(random.below(ITEMS))
  record.note(`${tab.name} adds ${items} and is left: ${way}; last POST: ${last ?? 'arrives'}; held go on ${release}`)
  if (last) network.break(last)
  if (release === 'before it is left') network.release()
  await leave(tab, way, items)
  if (release === 'after it is left') network.release()
}

/** Over the connection there may be more changes while a POST is held; while the connection is, there is no more to wait for. */
function pointsOf(random: Random): readonly Point[] {
  const point = pick(POINTS, random.next()) ?? 'sent'
  if (point === 'not sent') return []
  if (point === 'sent' || point === 'taken') return [point]
  const further = pick(POINTS.slice(0, 3), random.next()) ?? 'sent'
  return further === 'not sent' ? [point] : [point, further]
}

/** Resolves when the network holds the messages of that point, or when none is in flight. */
async function reach(point: Point, tab: ScheduledTab, items: readonly string[], network: FaultProxy): Promise<void> {
  const before = network.held
  // Nothing is held over a connection that is not there.
  if (before > 0 && !(await tab.isConnected())) return tab.add(items)
  HOLDS[point](network)
  await tab.add(items)
  await within(
    async () => network.held > before || (await tab.isAtRest()),
    (isThere) => isThere,
  )
}

async function leave(tab: ScheduledTab, way: Way, items: readonly string[]): Promise<void> {
  if (way !== 'close' && way !== 'crash') return tab.addAndGo(items, way)
  await tab.add(items)
  await (way === 'close' ? tab.close() : tab.crash())
}
