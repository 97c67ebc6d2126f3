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
/** Faults of the POST that an unloading page sends. */
const LAST: readonly (Fault | undefined)[] = [undefined, undefined, 'lose request', 'hold request', 'hold answer']
/** When the network releases held messages; `later` is in another step, at the latest when the schedule settles. */
const RELEASES = ['before it is left', 'after it is left', 'later', 'later'] as const
/** The most items that a page adds in a turn of the event loop. */
const ITEMS = 4

/** Makes the network hold an exchange at a point. */
const HOLDS: Readonly<globalThis.Record<Point, (network: FaultProxy) => void>> = {
  'not sent': () => undefined,
  sent: (network) => network.hold('to server'),
  taken: (network) => network.hold('to page'),
  answered: (network) => network.break('hold request'),
  POSTed: (network) => network.break('hold answer'),
}

/**
 * Adds items, adds more while the network holds their exchange at some point, and leaves the page. A page or server that mistakes all of these
 * changes for a single change loses or repeats some.
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

/** While the network holds a POST, more changes may go over the connection; while the network holds the connection, no later point is reached. */
function pointsOf(random: Random): readonly Point[] {
  const point = pick(POINTS, random.next()) ?? 'sent'
  if (point === 'not sent') return []
  if (point === 'sent' || point === 'taken') return [point]
  const further = pick(POINTS.slice(0, 3), random.next()) ?? 'sent'
  return further === 'not sent' ? [point] : [point, further]
}

/** Adds items, and resolves when the network holds their exchange at the point, or when nothing is in flight. */
async function reach(point: Point, tab: ScheduledTab, items: readonly string[], network: FaultProxy): Promise<void> {
  const before = network.held
  // Without a connection, the network has nothing to hold.
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
