import type { LiveSessionClient } from 'koa-live-session/client'
import { render } from 'preact'
import { coalesce } from './coalescer.js'
import { type Deed, outcomeOf, type Shown } from './deeds.js'
import { element } from './element.js'
import type { HoodField } from './field-card.js'
import { Hood } from './hood.js'
import { labels } from './labels.js'
import type { OfflineSwitch } from './offline-switch.js'
import { placesOf, sameAsShown } from './places.js'
import { askServers, atNode, type Servers } from './servers.js'
import { createUnfolding } from './unfolding.js'
import type { ViewSocket } from './viewer.js'

/** ms before the server is asked again about the outcome of a deed. */
const PAUSE = 250
const UNREACHED = 'The server was not reached. Nothing was done.'
/** ms before nodes are asked again after one did not answer: it may be back by then. */
const NODE_PAUSE = 1500

/** Keeps the panel "Under the hood" up to date: while it is open, the server is asked after each change. */
export function startHood(
  root: HTMLElement,
  socket: ViewSocket,
  live: LiveSessionClient,
  network: OfflineSwitch,
): void {
  const unfolding = createUnfolding()
  let servers: Servers | undefined
  /** With several nodes, the one that has this page's socket. */
  let node: string | undefined
  let news = ''
  let deed: Deed | undefined
  let isReconnected = false

  const fields = (): readonly HoodField[] => fieldsOf(live, servers)
  const show = (): void => {
    render(
      <Hood
        isOpen={unfolding.isOpen()}
        isOffline={network.isOffline()}
        fields={fields()}
        servers={servers}
        node={node}
        news={news}
        onOpen={open}
        onRestart={() => void restart()}
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
    const answer = await fetch(atNode(path, node), { method: 'POST' }).catch(() => undefined)
    if (!answer?.ok) begin(undefined, UNREACHED)
  }
  const restart = async (): Promise<void> => {
    if (node !== undefined) return post('/restart', { kind: 'kill-node', node }, `Killing node ${node} …`)
    servers ??= await askServers(node)
    if (servers) return post('/restart', { kind: 'restart', pid: servers.own.pid }, 'Restarting the server …')
    begin(undefined, UNREACHED)
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
    // The news was about a process that is gone.
    if (heard && servers && !deed && heard.own.pid !== servers.own.pid) news = ''
    servers = heard ?? servers
    if (heard && deed && wasReconnected) settle(deed, heard)
    show()
    if (servers?.nodes.some(({ report }) => !report)) setTimeout(update, NODE_PAUSE)
  })
  const settle = (done: Deed, { own }: Servers): void => {
    const outcome = outcomeOf(done, fields().map(toShown), { pid: own.pid, node: own.node, isReconnected: true })
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
}

function inWords({ name, value }: HoodField): string {
  return `${name} ${value}`
}

/** With several nodes, the cache is that of the page's own node. */
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
  // The server's report does not cover a value that only this page has.
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
