import type { VNode } from 'preact'
import type { Place } from './places.js'

/** A declared key in the panel. */
export interface HoodField {
  readonly key: string
  /** The display name. */
  readonly name: string
  readonly value: string
  /** The status of the field's newest change. */
  readonly status: string
  /** The reason for a rejection. */
  readonly reason: string | undefined
  /** ms since 1970; undefined until a server has stamped the value. */
  readonly stamp: number | undefined
  /** Whether the page's own node has the value in memory. */
  readonly isInOwnCache: boolean
  /** The possible places of the value, and whether each has the value. */
  readonly places: readonly Place[]
}

/** The statuses to show. Any other status belongs to a default: there is nothing to save. */
const TOLD: ReadonlySet<string> = new Set(['saved', 'saving', 'offline', 'rejected'])

const times = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
})

export function FieldCard({ field }: { readonly field: HoodField }): VNode {
  const { key, name, value, status, reason, stamp, places } = field
  return (
    <li class="hood-field" data-key={key} data-status={status}>
      <h2>{name}</h2>
      {TOLD.has(status) && <p class={`state ${status}`}>{reason === undefined ? status : `${status}: ${reason}`}</p>}
      <dl>
        <div>
          <dt>Value</dt>
          <dd data-value>{value}</dd>
        </div>
        <div>
          <dt>Stamp</dt>
          <dd data-stamp={stamp}>{stamp === undefined ? 'none yet' : times.format(stamp)}</dd>
        </div>
      </dl>
      <ul class="places" aria-label={`Places that hold ${name}`}>
        {places.map((place) => (
          <li key={place.name} data-place={place.name} data-held={String(place.isHeld)}>
            {place.label}
            <span class="visually-hidden">{place.isHeld ? ': has it' : ': has it not'}</span>
          </li>
        ))}
      </ul>
    </li>
  )
}
