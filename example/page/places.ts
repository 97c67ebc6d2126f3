import type { LiveSessionClient } from 'koa-live-session/client'
import type { HoodReport } from '../protocol.js'
import type { labels } from './labels.js'
import type { Servers } from './servers.js'

/** A possible place of a value, and whether the value is there. */
export interface Place {
  readonly name: string
  readonly label: string
  readonly isHeld: boolean
}

type Key = keyof typeof labels
type Inspected = HoodReport['inspections'][string]

/** How a value reached a node, in the panel's words. */
const WAYS: Readonly<Record<string, string>> = {
  node: 'heard from the other',
  store: 'loaded from Redis',
  socket: 'set here',
  request: 'set here',
  ticket: 'brought by a page',
}

/** Returns a process's report on a key, if its value equals the page's. */
export function sameAsShown(key: Key, live: LiveSessionClient, report: HoodReport | undefined): Inspected | undefined {
  const inspection = report?.inspections[key]
  return inspection?.value === live.get(key) ? inspection : undefined
}

/** Returns the possible places of a value. */
export function placesOf(key: Key, live: LiveSessionClient, servers: Servers | undefined): readonly Place[] {
  const own = sameAsShown(key, live, servers?.own)
  const place = (name: string, isHeld = own?.places.some((held) => held === name) === true): Place => {
    return { name, label: name, isHeld }
  }
  const nodes = (servers?.nodes ?? []).map(({ name, report }): Place => {
    const inspected = sameAsShown(key, live, report)
    const way = inspected && WAYS[inspected.source]
    return { name: `node-${name}`, label: `node ${name}${way ? `, ${way}` : ''}`, isHeld: inspected !== undefined }
  })
  // Ask both nodes: a node that received the value from the other node does not know whether it is stored.
  const isStored = (servers?.nodes ?? []).some(({ report }) => sameAsShown(key, live, report)?.places.includes('store'))
  const memory = nodes.length === 0 ? [place('cache')] : [...nodes, { ...place('store', isStored), label: 'Redis' }]
  return [...memory, place('cookie'), place('page', live.has(key))]
}
