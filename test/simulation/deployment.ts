import type { UserSubject } from '../../server/subjects/subject.js'
import type { StoredRegister } from '../../server/types/store.js'
import type { JsonValue } from '../../shared/json.js'
import { type BuildName, builds } from './builds.js'
import { Bus, type Mail, type Message } from './bus.js'
import type { Cluster } from './cluster.js'
import { Durability } from './durability.js'
import { Knowledge } from './knowledge.js'
import { Process, ProcessPool, type SessionKeeper } from './process.js'
import { pick } from './random.js'
import { type Received, receivedFromNode, receivedFromStore } from './registers.js'
import { SharedStore } from './shared-store.js'
import { type Question, StoreLine } from './store-line.js'
import { serverClock } from './time.js'

interface Surroundings {
  /** ms since 1970, by this node's clock */
  now(this: void): number
  /** Called when the app's own rule joins a value into an account. */
  onJoin(this: void, user: string, value: JsonValue): void
  readonly line: StoreLine | undefined
}

/** A process of the app, with the least knowledge it must have. */
export class ServerNode {
  readonly index: number
  readonly process: Process
  readonly knowledge: Knowledge
  readonly line: StoreLine | undefined
  readonly loads: Map<string, number> = new Map()
  evictions = 0
  /** Whether the process has ended, so further operations have no effect. */
  isOver = false
  readonly now: () => number

  constructor(index: number, process: Process, { now, onJoin, line }: Surroundings) {
    this.index = index
    this.process = process
    this.now = now
    this.line = line
    this.knowledge = new Knowledge({ isDeclared: (key) => this.isDeclared(key), onJoin, now })
  }

  get build(): BuildName {
    return this.process.build
  }

  isDeclared(key: string): boolean {
    return key in builds[this.build]
  }

  end(): void {
    this.isOver = true
    if (this.line) this.line.isCut = true
  }

  evict(persisted: ReadonlySet<string>): void {
    this.evictions += 1
    this.knowledge.evict(persisted)
    for (const sub of this.loads.keys()) if (!persisted.has(sub)) this.loads.delete(sub)
  }
}

const pool = new ProcessPool()

export interface DeploymentWatcher {
  /** A node receives a message of another node, or an answer of the store. */
  received(node: ServerNode, received: Received, from: ServerNode | undefined): void
  /** A node has revoked a user, and may be about to delete the user's values. */
  revoked(node: ServerNode, user: UserSubject, isErased: boolean): void
  /** The app's own rule has joined a value into an account. */
  joined(this: void, user: string, value: JsonValue): void
}

/** The nodes of the app, with their store, bus and secrets. */
export class Deployment {
  readonly nodes: ServerNode[] = []
  readonly store: SharedStore | undefined
  readonly durability: Durability | undefined
  readonly bus: Bus | undefined
  /** The number of rotations of the secrets, the same for all nodes. */
  rotation = 0
  readonly #cluster: Cluster
  readonly #keeper: SessionKeeper
  readonly #watcher: DeploymentWatcher

  constructor(cluster: Cluster, keeper: SessionKeeper, watcher: DeploymentWatcher) {
    this.#cluster = cluster
    this.#keeper = keeper
    this.#watcher = watcher
    this.store = cluster.hasStore ? new SharedStore() : undefined
    this.durability = this.store && new Durability(this.store)
    this.bus = cluster.hasBus ? new Bus() : undefined
    pool.reset()
    for (const index of cluster.skews.keys()) this.nodes.push(this.#start(index, 'one'))
  }

  get isAlone(): boolean {
    return this.#cluster.skews.length === 1 && !this.store
  }

  /** Whether a node can know the changes of another. */
  get isJoined(): boolean {
    return this.isOne || this.bus !== undefined
  }

  /** Whether all nodes know a change without a message. */
  get isOne(): boolean {
    return this.nodes.length === 1 || this.store !== undefined
  }

  /** Whether this node must know the changes of other nodes, except changes in flight. */
  isTold({ line }: ServerNode): boolean {
    return this.nodes.length === 1 || this.bus?.isSound === true || line?.isWell === true
  }

  node(number: number): ServerNode {
    const node = pick(this.nodes, number)
    if (!node) throw new TypeError('expected a node')
    return node
  }

  restart(node: ServerNode, build: BuildName): void {
    const { index } = node
    node.end()
    this.durability?.forget(node)
    this.bus?.forget(index)
    this.nodes[index] = this.#start(index, build)
  }

  /** Performs a call of the store or delivers a message; resolves with whether any was due. */
  async move(): Promise<boolean> {
    if (await this.store?.move()) return true
    const mail = this.bus?.next()
    if (mail) this.deliver(mail)
    return mail !== undefined
  }

  deliver(mail: Mail): void {
    const { from, to, message } = mail
    const node = this.node(to)
    this.bus?.arrived(mail)
    const [event, name, rows, ...ids] = message
    node.process.io.emit(event, name, ...JSON.parse(JSON.stringify([rows, ...ids])))
    this.#watcher.received(node, receivedFromNode(name, rows), from)
  }

  #start(index: number, build: BuildName): ServerNode {
    const { skews } = this.#cluster
    const now = (): number => serverClock.at + (skews[index] ?? 0)
    const { bus, store } = this
    const line = store && new StoreLine(store, (asked, name, rows) => this.#answered(node, asked, name, rows))
    const publish = bus && ((message: Message): void => bus.publish(node, skews.length, message))
    const options = { build, rotation: this.rotation, keeper: this.#keeper, now }
    // A reused process has lost its intervals.
    const isReused = this.isAlone && this.#keeper !== 'session-store'
    const process = isReused ? pool.start(options) : new Process({ ...options, store: line, publish })
    const node: ServerNode = new ServerNode(index, process, { now, line, onJoin: this.#watcher.joined })
    process.onEnd = (user, isErased) => {
      if (!node.isOver) this.#watcher.revoked(node, user, isErased)
    }
    return node
  }

  #answered(node: ServerNode, asked: Question, name: string, rows: readonly StoredRegister[]): void {
    const received = receivedFromStore(
      name,
      rows.map(({ key, stamp, value }) => [key, stamp, value]),
    )
    const { sub } = received
    if (asked === 'aside') return
    if (asked === 'load') node.loads.set(sub, node.now())
    // A node about to delete a subject ignores the subject's stored values.
    const isErasing = asked === 'merge' && node.knowledge.retired.has(sub)
    if (isErasing) node.knowledge.hear(received)
    this.#watcher.received(node, isErasing ? { ...received, registers: new Map() } : received, undefined)
  }
}
