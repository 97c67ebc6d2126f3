import type { HoodReport } from '../protocol.js'

/** A node, and what it says; nothing where it does not answer. */
interface NodeReport {
  readonly name: string
  readonly report: HoodReport | undefined
}

/** What the panel knows of the server. */
export interface Servers {
  /** Of the process that the page's socket is connected to; of any, before that is known. */
  readonly own: HoodReport
  /** All nodes; none where there is but one process. */
  readonly nodes: readonly NodeReport[]
}

/** The path by which a request reaches one node. */
export function atNode(path: string, name: string | undefined): string {
  return name === undefined ? path : `${path}?node=${name}`
}

/** Asks each process what it has. `name`: the node that the page's socket is connected to. */
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
    // Offline, or in the middle of a restart: the next connection asks again.
    return undefined
  }
}
