import type { LiveSessionClient } from 'koa-live-session/client'
import { render } from 'preact'
import type { Socket } from 'socket.io-client'
import type { HoodReport } from '../protocol.js'
import { coalesce } from './coalescer.js'
import { Hood, type HoodField } from './hood.js'
import type { OfflineSwitch } from './offline-switch.js'

const KEYS = ['division', 'theme'] as const
const OPEN = 'hood-open'

/** Keeps the panel "Under the hood" up to date: the server is asked after each change, as long as it is open. */
export function startHood(root: HTMLElement, socket: Socket, live: LiveSessionClient, network: OfflineSwitch): void {
  let report: HoodReport | undefined
  let isOpen = sessionStorage.getItem(OPEN) !== null

  const show = (): void => {
    render(
      <Hood
        isOpen={isOpen}
        isOffline={network.isOffline()}
        fields={KEYS.map((key) => fieldOf(key, live, report))}
        server={report}
        onOpen={(isNowOpen) => {
          isOpen = isNowOpen
          if (isOpen) sessionStorage.setItem(OPEN, '')
          else sessionStorage.removeItem(OPEN)
          update()
        }}
        onRestart={() => void post('/restart')}
        onEmptyCache={() => void post('/empty-cache')}
        onToggleOffline={() => {
          network.toggle()
          show()
        }}
      />,
      root,
    )
  }
  const ask = coalesce(async () => {
    report = (await fetchReport()) ?? report
    show()
  })
  const update = (): void => {
    show()
    if (isOpen) ask()
  }
  live.onChange(update)
  live.onStatus(update)
  socket.on('connect', update)
  show()
}

function fieldOf(key: (typeof KEYS)[number], live: LiveSessionClient, report: HoodReport | undefined): HoodField {
  const value = JSON.stringify(live.get(key))
  const isWritten = live.has(key)
  const inspection = report?.inspections[key]
  // Of a value that only this page has, the server's report says nothing.
  const same = JSON.stringify(inspection?.value) === value ? inspection : undefined
  return {
    key,
    value,
    detail: live.status(key),
    stamp: same?.stamp,
    isWritten,
    places: [
      { name: 'cache', isHeld: same?.places.includes('cache') ?? false },
      { name: 'cookie', isHeld: same?.places.includes('cookie') ?? false },
      { name: 'browser', isHeld: isWritten },
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

async function post(path: string): Promise<void> {
  await fetch(path, { method: 'POST' }).catch(() => undefined)
}
