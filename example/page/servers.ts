import type { HoodReport } from '../protocol.js'

/** A node and its report; undefined without an answer. */
interface NodeReport {
  readonly name: string
  readonly report: HoodReport | undefined
}

/** The state of the server, for the panel. */
export interface Servers {
  /** The report of the page's own process; of any process until connected. */
  readonly own: HoodReport
  /** All nodes; empty for a single process. */
  readonly nodes: readonly NodeReport[]
}

/** Returns the path for a request to a given node. */
export function atNode(path: string, name: string | undefined): string {
  return name === undefined ? path : `${path}?node=${name}`
}

/** Asks each process for its report. `name`: the page's own node. */
export async function askServers(name: string | undefined): Promise<Servers | undefined> {
  const first = await ask(undefined)
  if (!first) return undefined
  const reports = (first.nodes ?? []).map(async (each) => ({ name: each, report: await ask(each) }))
  const nodes = await Promise.all(reports)
  const own = nodes.find((node) => node.name === name)?.report ?? first
  return { own, nodes }
}

async function ask(name: string | undefined): Promise<HoodReport | undefined> {
  try {
    const response = await fetch(atNode('/hood', name))
    return response.ok ? await response.json() : undefined
  } catch {
    // The page is offline, or the server is restarting: the next connection asks again.
    return undefined
  }
}
