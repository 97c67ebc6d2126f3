import type { VNode } from 'preact'
import { STATIONS, type Station, type Trip } from './flow.js'
import { labels } from './labels.js'
import { SourceLines, type SourceLinesProps } from './source-lines.js'

/** A button for causing a failure at a station. */
export interface Failure {
  readonly at: Station
  /** Says what the button does, in words. */
  readonly name: string
  /** The outcome, shown before the click. */
  readonly hint: string
  readonly isOff?: boolean
  readonly cause: () => void
}

export interface FlowProps {
  readonly trips: readonly Trip[]
  readonly isCluster: boolean
  /** The node of the page's socket, if there are several. */
  readonly node: string | undefined
  readonly failures: readonly Failure[]
  /** The slowdown of the replay: 1 for real time. */
  readonly slowness: number
  /** ms of the newest trip replayed so far. */
  readonly played: number
  readonly onSlowness: (slowness: number) => void
  /** The station whose code is shown. */
  readonly opened: Station
  readonly code: SourceLinesProps
  readonly onOpened: (station: Station) => void
}

const NAMES: Readonly<Record<Station, string>> = {
  page: 'page',
  socket: 'socket',
  memory: 'memory',
  store: 'Redis',
  ticket: 'ticket',
  post: 'POST',
  cookie: 'cookie',
}

/** Shows the stations reached by a change, each with its time in ms, and buttons to cause failures. */
export function FlowView(props: FlowProps): VNode {
  const { trips, isCluster, node, failures, slowness, played, onSlowness, opened, code, onOpened } = props
  const stations = STATIONS.filter((station) => isCluster || station !== 'store')
  const [newest] = trips
  return (
    <section class="flow" aria-labelledby="flow-heading">
      <h2 id="flow-heading">
        {newest ? `The way of your change: ${nameOf(newest.key)}` : 'The way of a change: choose a division'}
      </h2>
      <ol class="stations">
        {stations.map((station) => {
          const ms = newest?.steps.get(station)
          const isLit = ms !== undefined && ms <= played
          const name = station === 'memory' && node ? `node ${node}` : NAMES[station]
          return (
            <li key={station} class="station" data-station={station} data-lit={String(isLit)}>
              <button
                type="button"
                class="lamp-button"
                aria-label={`${name}: its code`}
                aria-pressed={station === opened}
                aria-controls="flow-code"
                title="Shows the code that lights this lamp"
                onClick={() => onOpened(station)}
              >
                <span class="lamp" />
                <span class="station-name">{name}</span>
              </button>
              <span class="ms">{isLit ? `${Math.round(ms)} ms` : '\u2013'}</span>
              {failures
                .filter(({ at }) => at === station)
                .map(({ name: does, hint, isOff, cause }) => (
                  <button key={does} type="button" class="button" title={hint} disabled={isOff} onClick={cause}>
                    {does}
                  </button>
                ))}
            </li>
          )
        })}
        {newest && isUnderWay(newest, played) && (
          <li class="dot" aria-hidden="true" style={{ left: `${placeOf(newest, stations, played)}%` }} />
        )}
      </ol>
      <div class="flow-foot">
        <fieldset class="slowness">
          <legend>Speed</legend>
          {[1, 20].map((each) => (
            <label key={each}>
              <input
                type="radio"
                name="slowness"
                checked={each === slowness}
                onChange={() => onSlowness(each)}
                autocomplete="off"
              />
              {each === 1 ? '1x' : '20x slower'}
            </label>
          ))}
        </fieldset>
        <ol class="trips" aria-label="The last five changes">
          {trips.map((trip) => (
            <li key={trip.began}>{inWords(trip === newest ? replayed(trip, played) : trip)}</li>
          ))}
        </ol>
      </div>
      <SourceLines {...code} />
    </section>
  )
}

function nameOf(key: string): string {
  return key in labels ? labels[key as keyof typeof labels].name : key
}

/** Returns whether the replay of a trip has not reached the trip's end. */
function isUnderWay({ steps, outcome }: Trip, played: number): boolean {
  return outcome === undefined || [...steps.values()].some((ms) => ms > played)
}

/** Returns a trip up to the station that the dot has reached. */
function replayed(trip: Trip, played: number): Trip {
  const steps = new Map([...trip.steps].filter(([, ms]) => ms <= played))
  return steps.size === trip.steps.size ? trip : { ...trip, steps, outcome: undefined }
}

/** `Division: in the cookie after 142 ms`, or the last station reached. */
function inWords({ key, steps, outcome }: Trip): string {
  if (outcome === 'elsewhere') return `${nameOf(key)}: came from another tab`
  const cookie = steps.get('cookie')
  if (cookie !== undefined) return `${nameOf(key)}: in the cookie after ${Math.round(cookie)} ms`
  const last = [...steps.keys()].at(-1) ?? 'page'
  return `${nameOf(key)}: ${outcome ?? 'under way'}, has reached the ${NAMES[last]}`
}

/** The position of the dot between the last station and the next, in percent of the row. */
function placeOf({ steps }: Trip, stations: readonly Station[], played: number): number {
  const passed = [...steps].sort(([, one], [, other]) => one - other)
  const at = passed.findLastIndex(([, ms]) => ms <= played)
  const [station, left = 0] = passed[at] ?? ['page', 0]
  const [next, arrives = left] = passed[at + 1] ?? [station, left]
  const part = arrives > left ? (played - left) / (arrives - left) : 0
  const from = stations.indexOf(station as Station)
  const to = stations.indexOf(next as Station)
  return ((from + (to - from) * Math.min(part, 1) + 0.5) / stations.length) * 100
}
