import type { VNode } from 'preact'
import { FieldCard, type HoodField } from './field-card.js'
import { type FlowProps, FlowView } from './flow-view.js'
import { HoodLegend } from './hood-legend.js'
import { ServerLines } from './server-lines.js'
import type { Servers } from './servers.js'

export interface HoodProps {
  readonly isOpen: boolean
  readonly fields: readonly HoodField[]
  readonly servers: Servers | undefined
  /** If there are several nodes, the node of this page's socket. */
  readonly node: string | undefined
  readonly flow: FlowProps
  /** The outcome of the last button. */
  readonly news: string
  readonly onOpen: (isOpen: boolean) => void
}

/** The panel "Under the hood": the trip of each change, buttons for causing failures, and the places of each value. */
export function Hood({ isOpen, fields, servers, node, flow, news, onOpen }: HoodProps): VNode {
  return (
    <details open={isOpen} onToggle={(event) => onOpen(event.currentTarget.open)}>
      <summary>
        Under the hood
        <span class="brief">
          {fields.map(({ key, name, value }) => (
            <span key={key}>
              {name}: {value}
            </span>
          ))}
        </span>
      </summary>
      <div class="hood-body">
        <FlowView {...flow} />
        <div class="hood-top">
          <p class="news" role="status">
            {news}
          </p>
          {servers && <ServerLines servers={servers} node={node} />}
        </div>
        <ul class="hood-fields">
          {fields.map((field) => (
            <FieldCard key={field.key} field={field} />
          ))}
        </ul>
        <HoodLegend isCluster={servers !== undefined && servers.nodes.length > 0} />
      </div>
    </details>
  )
}
