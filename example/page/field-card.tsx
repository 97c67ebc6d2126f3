import type { VNode } from 'preact'
import type { Place } from './places.js'

/** One declared key as the panel shows it. */
export interface HoodField {
  readonly key: string
  /** The name that people see. */
  readonly name: string
  readonly value: string
  /** The status of its newest change. */
  readonly status: string
  /** Why it was rejected. */
  readonly reason: string | undefined
  /** ms since 1970; undefined if no server has stamped it yet. */
  readonly stamp: number | undefined
  /** Whether the process that the page is connected to has it in memory. */
  readonly isInOwnCache: boolean
  /** Where this value may be, and whether it is there. */
  readonly places: readonly Place[]
}

/** The statuses to show. Any other means that the value was never chosen: there is nothing to save or to show. */
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
