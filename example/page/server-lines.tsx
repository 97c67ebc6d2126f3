import type { VNode } from 'preact'
import type { HoodReport } from '../protocol.js'
import type { Servers } from './servers.js'

const times = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })

interface ServerLinesProps {
  readonly servers: Servers
  /** The node of this page's socket, once known. */
  readonly node: string | undefined
}

/** Lists the processes, and marks the process of this page's socket. */
export function ServerLines({ servers, node }: ServerLinesProps): VNode {
  const { own, nodes } = servers
  if (nodes.length === 0) {
    return (
      <p class="server">
        Server process <Process report={own} />
      </p>
    )
  }
  return (
    <ul class="server" aria-label="Nodes">
      {nodes.map(({ name, report }) => (
        <li key={name} data-node={name} data-own={String(name === node)}>
          Node {name}: {report ? <Process report={report} /> : 'does not answer'}
          {report && name === node && <b>, has this page’s socket</b>}
        </li>
      ))}
    </ul>
  )
}

function Process({ report }: { readonly report: HoodReport }): VNode {
  return (
    <>
      <b class="pid">{report.pid}</b>, up since {times.format(report.startedAt)}
    </>
  )
}
