import type { LiveSessionClient, Status } from 'koa-live-session/client'
import { LiveSessionProvider, useLiveSession } from 'koa-live-session/react'
import type { ReactNode } from 'react'
// Types only: no schema library in the browser.
import type {} from './fields.js'
import { MAX_CUPS, teas } from './teas.js'

const WORST_FIRST: readonly Status[] = ['rejected', 'offline', 'saving', 'unknown', 'saved', 'default']
const WORDS: Readonly<Record<Status, string>> = {
  unknown: 'Asking whose page this is …',
  default: 'our suggestion, choose your own',
  saved: 'Saved',
  saving: 'Saving …',
  offline: 'Offline: kept here until the server is back',
  rejected: 'Not saved',
}

/** The page: rendered by the server for each visitor, and hydrated by the browser. */
export function App({ live }: { readonly live: LiveSessionClient }): ReactNode {
  return (
    <LiveSessionProvider live={live}>
      <h1>A round of tea</h1>
      <form autoComplete="off">
        <Cups />
        <Tea />
      </form>
      <Tray />
      <Order />
      <p className="hint">
        Open this page in a second tab: it follows. Reload it, or restart the server: the order stays.
      </p>
      <button
        type="button"
        className="restart"
        onClick={() => fetch('/restart', { method: 'POST' }).catch(() => undefined)}
      >
        Restart the server
      </button>
    </LiveSessionProvider>
  )
}

function Cups(): ReactNode {
  const [cups, setCups] = useLiveSession('cups')
  const add = (more: number): Promise<void> => setCups(Math.min(Math.max(cups + more, 1), MAX_CUPS))
  return (
    <fieldset>
      <legend>Cups</legend>
      <button type="button" aria-label="One cup less" onClick={() => add(-1)}>
        −
      </button>
      <output aria-label="Cups">{cups}</output>
      <button type="button" aria-label="One cup more" onClick={() => add(1)}>
        +
      </button>
    </fieldset>
  )
}

function Tea(): ReactNode {
  const [tea, setTea] = useLiveSession('tea')
  return (
    <fieldset>
      <legend>Tea</legend>
      {teas.map((one) => (
        <label key={one}>
          <input type="radio" name="tea" value={one} checked={one === tea} onChange={() => setTea(one)} />
          {one}
        </label>
      ))}
    </fieldset>
  )
}

/** A component for each cup, which reads its own value. */
function Tray(): ReactNode {
  const [cups] = useLiveSession('cups')
  return (
    <ul aria-label="Tray">
      {Array.from({ length: cups }, (_, cup) => cup).map((cup) => (
        <Cup key={cup} />
      ))}
    </ul>
  )
}

function Cup(): ReactNode {
  const [tea] = useLiveSession('tea')
  return <li>{tea}</li>
}

function Order(): ReactNode {
  const [cups, , ofCups] = useLiveSession('cups')
  const [tea, , ofTea] = useLiveSession('tea')
  const status = WORST_FIRST.find((one) => [ofCups.status, ofTea.status].includes(one)) ?? 'default'
  return (
    <p role="status" data-status={status}>
      {`${cups} × ${tea}: ${WORDS[status]}`}
    </p>
  )
}
