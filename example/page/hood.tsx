import type { VNode } from 'preact'
import { FieldCard, type HoodField } from './field-card.js'
import { HoodLegend } from './hood-legend.js'
import { ServerLines } from './server-lines.js'
import type { Servers } from './servers.js'

export interface HoodProps {
  readonly isOpen: boolean
  readonly isOffline: boolean
  readonly fields: readonly HoodField[]
  readonly servers: Servers | undefined
  /** If there are several nodes, the one that has this page's socket: the restart button restarts that one. */
  readonly node: string | undefined
  /** What the last button did. */
  readonly news: string
  readonly onOpen: (isOpen: boolean) => void
  readonly onRestart: () => void
  readonly onEmptyCache: () => void
  readonly onToggleOffline: () => void
}

/** The panel "Under the hood": where each value is, with buttons that cause failures. */
export function Hood(props: HoodProps): VNode {
  const { isOpen, fields, servers, node, news, onOpen } = props
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
        <div class="hood-top">
          <Actions {...props} />
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

function Actions({ isOffline, node, onRestart, onEmptyCache, onToggleOffline }: HoodProps): VNode {
  return (
    <div class="hood-actions">
      <button type="button" class="button" disabled={isOffline} onClick={onRestart}>
        {node === undefined ? 'Restart the server' : `Kill node ${node}`}
      </button>
      <button type="button" class="button" disabled={isOffline} onClick={onEmptyCache}>
        Empty the cache
      </button>
      <button type="button" class="button" onClick={onToggleOffline}>
        {isOffline ? 'Go online' : 'Go offline'}
      </button>
    </div>
  )
}
