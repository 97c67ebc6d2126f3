import type { StatusDetail } from 'koa-live-session/client'
import type { VNode } from 'preact'

/** One declared key, as the panel shows it. */
export interface HoodField {
  readonly key: string
  /** As JSON. */
  readonly value: string
  readonly detail: StatusDetail
  /** ms since 1970; none where no server has given it one yet. */
  readonly stamp: number | undefined
  /** Whether it was ever written: else its default is read. */
  readonly isWritten: boolean
  readonly places: readonly Place[]
}

interface Place {
  readonly name: 'cache' | 'cookie' | 'browser'
  /** Whether this very value is there. */
  readonly isHeld: boolean
}

export interface HoodProps {
  readonly isOpen: boolean
  readonly isOffline: boolean
  readonly fields: readonly HoodField[]
  readonly server: { readonly pid: number; readonly startedAt: number } | undefined
  readonly onOpen: (isOpen: boolean) => void
  readonly onRestart: () => void
  readonly onEmptyCache: () => void
  readonly onToggleOffline: () => void
}

const times = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })
const preciseTimes = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
})

/** The panel "Under the hood": where each value is, and what can go wrong with it. */
export function Hood(props: HoodProps): VNode {
  const { isOpen, isOffline, fields, server, onOpen, onRestart, onEmptyCache, onToggleOffline } = props
  return (
    <details open={isOpen} onToggle={(event) => onOpen(event.currentTarget.open)}>
      <summary>
        Under the hood
        <span class="brief">
          {fields.map(({ key, value, detail }) => (
            <span key={key} class={`state ${detail.status}`}>
              {key} {value}
            </span>
          ))}
        </span>
      </summary>
      <div class="hood-body">
        <div class="hood-actions">
          <button type="button" class="button" disabled={isOffline} onClick={onRestart}>
            Restart the server
          </button>
          <button type="button" class="button" disabled={isOffline} onClick={onEmptyCache}>
            Empty the cache
          </button>
          <button type="button" class="button" onClick={onToggleOffline}>
            {isOffline ? 'Go online' : 'Go offline'}
          </button>
          {server && (
            <p class="server">
              Server process <b class="pid">{server.pid}</b>, up since {times.format(server.startedAt)}
            </p>
          )}
        </div>
        <ul class="hood-fields">
          {fields.map((field) => (
            <FieldCard key={field.key} field={field} />
          ))}
        </ul>
      </div>
    </details>
  )
}

function FieldCard({ field }: { readonly field: HoodField }): VNode {
  const { key, value, detail, stamp, isWritten, places } = field
  const { status, reason } = detail
  return (
    <li class="hood-field" data-key={key} data-status={status}>
      <h2>{key}</h2>
      <p class={`state ${status}`}>{isWritten ? (reason ?? status) : 'default'}</p>
      <dl>
        <div>
          <dt>Value</dt>
          <dd data-value>{value}</dd>
        </div>
        <div>
          <dt>Stamp</dt>
          <dd data-stamp={stamp}>{stamp === undefined ? 'none yet' : preciseTimes.format(stamp)}</dd>
        </div>
      </dl>
      <ul class="places" aria-label={`Places that hold ${key}`}>
        {places.map(({ name, isHeld }) => (
          <li key={name} data-place={name} data-held={String(isHeld)}>
            {name}
            <span class="visually-hidden">{isHeld ? ': has it' : ': has it not'}</span>
          </li>
        ))}
      </ul>
    </li>
  )
}
