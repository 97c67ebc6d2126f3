import type { LiveSessionClient } from 'koa-live-session/client'
import { render } from 'preact'
import type { Socket } from 'socket.io-client'
import type { HoodReport } from '../protocol.js'
import { coalesce } from './coalescer.js'
import { type Deed, outcomeOf } from './deeds.js'
import { element } from './element.js'
import type { HoodField } from './field-card.js'
import { Hood } from './hood.js'
import { labels } from './labels.js'
import type { OfflineSwitch } from './offline-switch.js'
import { createUnfolding } from './unfolding.js'

/** ms before the server is asked once more what became of a deed. */
const PAUSE = 250

/** Keeps the panel "Under the hood" up to date: the server is asked after each change, as long as it is open. */
export function startHood(root: HTMLElement, socket: Socket, live: LiveSessionClient, network: OfflineSwitch): void {
  const unfolding = createUnfolding()
  let report: HoodReport | undefined
  let news = ''
  let deed: Deed | undefined
  let isReconnected = false

  const fields = (): readonly HoodField[] => fieldsOf(live, report)
  const show = (): void => {
    render(
      <Hood
        isOpen={unfolding.isOpen()}
        isOffline={network.isOffline()}
        fields={fields()}
        server={report}
        news={news}
        onOpen={open}
        onRestart={restart}
        onEmptyCache={() => void post('/empty-cache', { kind: 'empty-cache' }, 'Emptying the cache …')}
        onToggleOffline={toggleOffline}
      />,
      root,
    )
  }
  const open = (isOpen: boolean): void => {
    unfolding.set(isOpen)
    update()
  }
  const begin = (next: Deed | undefined, text: string): void => {
    deed = next
    isReconnected = false
    news = text
    show()
  }
  const post = async (path: string, next: Deed, text: string): Promise<void> => {
    begin(next, text)
    const answer = await fetch(path, { method: 'POST' }).catch(() => undefined)
    if (!answer?.ok) begin(undefined, 'The server was not reached. Nothing was done.')
  }
  const restart = (): void => {
    void post('/restart', { kind: 'restart', pid: report?.pid }, 'Restarting the server …')
  }
  const toggleOffline = (): void => {
    const waiting = fields().filter(({ status }) => status === 'offline')
    network.toggle()
    if (network.isOffline()) {
      begin(undefined, 'This page is offline. Choose a division: it is kept here until you go online.')
    } else {
      begin({ kind: 'go-online', waiting: waiting.map(inWords) }, 'Going online …')
    }
  }
  const ask = coalesce(async () => {
    const wasReconnected = isReconnected
    const heard = await fetchReport()
    report = heard ?? report
    if (heard && deed && wasReconnected) settle(deed, heard)
    show()
  })
  const settle = (done: Deed, { pid }: HoodReport): void => {
    const values = fields().map((field) => ({ ...field, text: inWords(field) }))
    const outcome = outcomeOf(done, values, { pid, isReconnected: true })
    if (outcome === undefined) return void setTimeout(ask, PAUSE)
    deed = undefined
    news = outcome
  }
  const update = (): void => {
    show()
    if (unfolding.isOpen()) ask()
  }

  live.onChange(update)
  live.onStatus(update)
  socket.on('connect', () => {
    isReconnected = true
    update()
  })
  // Without a script the form does it alone, and tells nothing.
  element('restart', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault()
    open(true)
    restart()
  })
  show()
}

function inWords({ name, value }: HoodField): string {
  return `${name} ${value}`
}

function fieldsOf(live: LiveSessionClient, report: HoodReport | undefined): readonly HoodField[] {
  return [
    fieldOf('division', labels.division.ofValue(live.get('division')), live, report),
    fieldOf('theme', labels.theme.ofValue(live.get('theme')), live, report),
  ]
}

function fieldOf(
  key: keyof typeof labels,
  value: string,
  live: LiveSessionClient,
  report: HoodReport | undefined,
): HoodField {
  const isWritten = live.has(key)
  const { status, reason } = live.status(key)
  const inspection = report?.inspections[key]
  // Of a value that only this page has, the server's report says nothing.
  const same = inspection?.value === live.get(key) ? inspection : undefined
  return {
    key,
    name: labels[key].name,
    value,
    status: status === 'saved' && !isWritten ? 'default' : status,
    reason,
    stamp: same?.stamp,
    places: [
      ...(same?.places.includes('cache') ? ['cache' as const] : []),
      ...(same?.places.includes('cookie') ? ['cookie' as const] : []),
      ...(isWritten ? ['page' as const] : []),
    ],
  }
}

async function fetchReport(): Promise<HoodReport | undefined> {
  try {
    const response = await fetch('/hood')
    return response.ok ? await response.json() : undefined
  } catch {
    // Offline, or in the middle of a restart: the next connection asks again.
    return undefined
  }
}
