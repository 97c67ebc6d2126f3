import type { LiveSessionClient } from 'koa-live-session/client'
import { render } from 'preact'
import { type Action, outcomeOf, type Shown } from './actions.js'
import { coalesce } from './coalescer.js'
import { element } from './element.js'
import type { HoodField } from './field-card.js'
import { followFlow, type Station } from './flow.js'
import type { Failure } from './flow-view.js'
import { hints } from './hints.js'
import { Hood } from './hood.js'
import { labels } from './labels.js'
import type { OfflineSwitch } from './offline-switch.js'
import { placesOf, sameAsShown } from './places.js'
import { askServers, atNode, type Servers } from './servers.js'
import type { SourceLinesProps } from './source-lines.js'
import { createUnfolding } from './unfolding.js'
import type { ViewSocket } from './viewer.js'

/** The build reads them from the source. */
declare const SOURCE_LINES: Readonly<Record<Station, SourceLinesProps>>

/** ms between two requests for the outcome of a failure. */
const PAUSE = 250
const UNREACHED = 'The server was not reached. Nothing was done.'
/** ms before the next request after a node failed to answer. */
const NODE_PAUSE = 1500

/** Runs the panel "Under the hood": while open, queries the server after each change. `shut` closes the panel. */
export function startHood(
  root: HTMLElement,
  socket: ViewSocket,
  live: LiveSessionClient,
  network: OfflineSwitch,
): { shut(): void } {
  const unfolding = createUnfolding()
  let servers: Servers | undefined
  /** With several nodes, the node of this page's socket. */
  let node: string | undefined
  let news = ''
  let action: Action | undefined
  let isReconnected = false
  let slowness = 1
  let opened: Station = 'page'
  /** The start of the newest trip's replay. */
  let shownAt = 0
  let isPlaying = false
  let shownTrip: unknown
  const isStill = matchMedia('(prefers-reduced-motion: reduce)')

  const flow = followFlow(socket, live, () => play())
  const played = (): number => (isStill.matches ? Number.POSITIVE_INFINITY : (performance.now() - shownAt) / slowness)
  /** Replays the newest trip, in real time or slower. */
  const play = (): void => {
    const [newest] = flow.trips()
    if (newest !== shownTrip) shownAt = performance.now()
    shownTrip = newest
    if (isPlaying) return
    isPlaying = true
    const goOn = (): void => {
      const [trip] = flow.trips()
      const isUnderWay = trip !== undefined && trip.outcome === undefined
      isPlaying = unfolding.isOpen() && (isUnderWay || played() < Math.max(0, ...(trip?.steps.values() ?? [])))
      // Render once more after the last step, to show the last station.
      show()
      if (isPlaying) requestAnimationFrame(goOn)
    }
    goOn()
  }
  const setSlowness = (next: number): void => {
    slowness = next
    shownAt = performance.now()
    play()
  }
  const fields = (): readonly HoodField[] => fieldsOf(live, servers)
  const show = (): void => {
    render(
      <Hood
        isOpen={unfolding.isOpen()}
        fields={fields()}
        servers={servers}
        node={node}
        flow={{
          trips: flow.trips(),
          isCluster: servers !== undefined && servers.nodes.length > 0,
          node,
          failures: failures(),
          slowness,
          played: played(),
          onSlowness: setSlowness,
          opened,
          code: SOURCE_LINES[opened],
          onOpened: (station) => {
            opened = station
            show()
          },
        }}
        news={news}
        onOpen={open}
      />,
      root,
    )
  }
  const open = (isOpen: boolean): void => {
    unfolding.set(isOpen)
    update()
    play()
  }
  const begin = (next: Action | undefined, text: string): void => {
    action = next
    isReconnected = false
    news = text
    show()
  }
  const post = async (path: string, next: Action, text: string): Promise<void> => {
    begin(next, text)
    const answer = await fetch(atNode(path, node), { method: 'POST' }).catch(() => undefined)
    if (!answer?.ok) begin(undefined, UNREACHED)
  }
  const restart = async (): Promise<void> => {
    if (node !== undefined) return post('/restart', { kind: 'kill-node', node }, `Killing node ${node} …`)
    servers ??= await askServers(node)
    if (servers) return post('/restart', { kind: 'restart', pid: servers.own.pid }, 'Restarting the server …')
    begin(undefined, UNREACHED)
  }
  const failures = (): readonly Failure[] => {
    const isOff = network.isOffline()
    const button = (at: Station, name: keyof typeof hints, cause: () => void): Failure => ({
      at,
      name: name === 'Kill node' ? `Kill node ${node}` : name,
      hint: hints[name],
      isOff: isOff && at !== 'page',
      cause,
    })
    return [
      button('page', isOff ? 'Go online' : 'Go offline', toggleOffline),
      button('socket', 'Cut the socket', cut),
      button('memory', 'Empty the memory', empty),
      button('memory', node === undefined ? 'Restart the server' : 'Kill node', () => void restart()),
      button('ticket', 'Kill the server here', () => void endNext()),
      button('post', 'Lose the next POST', dropNext),
    ]
  }
  const empty = (): void => void post('/empty-cache', { kind: 'empty-cache' }, 'Emptying the memory …')
  const cut = (): void => {
    begin({ kind: 'cut' }, 'Cutting the socket …')
    socket.io.engine.close()
  }
  const endNext = async (): Promise<void> => {
    servers ??= await askServers(node)
    if (!servers) return begin(undefined, UNREACHED)
    const next: Action = { kind: 'end-next', pid: servers.own.pid }
    await post('/end-next', next, 'Choose a division: the server ends once it has it, before the cookie does.')
  }
  const dropNext = (): void => {
    network.dropNext()
    begin(undefined, 'Choose a division: its POST is lost on the way, and the page sends it again.')
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
    const heard = await askServers(node)
    // The process has restarted: drop news about the old process.
    if (heard && servers && !action && heard.own.pid !== servers.own.pid) news = ''
    servers = heard ?? servers
    if (heard && action && wasReconnected) settle(action, heard)
    for (const { key, places } of fields())
      if (places.some(({ name, isHeld }) => name === 'store' && isHeld)) flow.stored(key)
    show()
    if (servers?.nodes.some(({ report }) => !report)) setTimeout(update, NODE_PAUSE)
  })
  const settle = (done: Action, { own }: Servers): void => {
    const outcome = outcomeOf(done, fields().map(toShown), { pid: own.pid, node: own.node, isReconnected: true })
    if (outcome === undefined) return void setTimeout(ask, PAUSE)
    action = undefined
    news = outcome
  }
  const update = (): void => {
    show()
    if (unfolding.isOpen()) ask()
  }

  live.onChange(update)
  live.onStatus(update)
  socket.on('node', (name) => {
    node = name
    update()
  })
  socket.on('connect', () => {
    isReconnected = true
    update()
  })
  // Without a script, the form restarts the server by itself, and reports nothing.
  element('restart', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault()
    open(true)
    void restart()
  })
  show()
  return { shut: () => open(false) }
}

function inWords({ name, value }: HoodField): string {
  return `${name} ${value}`
}

/** With several nodes, `cache` is the page's own node. */
function toShown(field: HoodField): Shown {
  const places = field.places.filter(({ isHeld }) => isHeld).map(({ name }) => name)
  return { text: inWords(field), status: field.status, places: field.isInOwnCache ? [...places, 'cache'] : places }
}

function fieldsOf(live: LiveSessionClient, servers: Servers | undefined): readonly HoodField[] {
  return [
    fieldOf('division', labels.division.ofValue(live.get('division')), live, servers),
    fieldOf('theme', labels.theme.ofValue(live.get('theme')), live, servers),
  ]
}

function fieldOf(
  key: keyof typeof labels,
  value: string,
  live: LiveSessionClient,
  servers: Servers | undefined,
): HoodField {
  const { status, reason } = live.status(key)
  // The server's report is undefined for a value known only to this page.
  const inspection = sameAsShown(key, live, servers?.own)
  return {
    key,
    name: labels[key].name,
    value,
    status: status === 'saved' && !live.has(key) ? 'default' : status,
    reason,
    stamp: inspection?.stamp,
    isInOwnCache: inspection?.places.includes('cache') === true,
    places: placesOf(key, live, servers),
  }
}
