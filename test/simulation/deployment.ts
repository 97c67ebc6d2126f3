import type { UserSubject } from '../../server/kernel/names/subject.js'
import type { StoredRow } from '../../server/stores/store.js'
import type { JsonValue } from '../../shared/json.js'
import type { BuildName } from './builds.js'
import { Bus, type Mail, type Message } from './bus.js'
import type { Cluster } from './cluster.js'
import { Durability } from './durability.js'
import { Process, ProcessPool } from './process.js'
import { pick } from './random.js'
import { ServerNode } from './server-node.js'
import { SharedStore } from './shared-store.js'
import { type Question, StoreLine } from './store-line.js'
import { serverClock } from './time.js'
import { type Told, toldByNode, toldByStore } from './told.js'

const pool = new ProcessPool()

/** Told of what reaches a node. */
export interface DeploymentWatcher {
  /** Another node tells of what is news now, or the store of what it has. */
  told(node: ServerNode, told: Told, from: ServerNode | undefined): void
  /** A node has revoked a user, and may be about to delete what the user had. */
  revoked(node: ServerNode, user: UserSubject, isErased: boolean): void
  /** An app's own rule has added to what an account has. */
  joined(this: void, user: string, value: JsonValue): void
}

/** The nodes of one app, and what joins them. */
export class Deployment {
  readonly nodes: ServerNode[] = []
  readonly store: SharedStore | undefined
  readonly durability: Durability | undefined
  readonly bus: Bus | undefined
  /** How often the secrets were rotated: all nodes have the same. */
  rotation = 0
  readonly #cluster: Cluster
  readonly #hasKoaSession: boolean
  readonly #watcher: DeploymentWatcher

  constructor(cluster: Cluster, hasKoaSession: boolean, watcher: DeploymentWatcher) {
    this.#cluster = cluster
    this.#hasKoaSession = hasKoaSession
    this.#watcher = watcher
    this.store = cluster.hasStore ? new SharedStore() : undefined
    this.durability = this.store && new Durability(this.store)
    this.bus = cluster.hasBus ? new Bus() : undefined
    pool.reset()
    for (const index of cluster.skews.keys()) this.nodes.push(this.#start(index, 'one'))
  }

  /** One process alone, with its memory and nothing else. */
  get isAlone(): boolean {
    return this.#cluster.skews.length === 1 && !this.store
  }

  /** What one node has taken another can know. */
  get isJoined(): boolean {
    return this.isOne || this.bus !== undefined
  }

  /** What one node has taken all know without a word from it: there is no other, or it is in the store that all ask. */
  get isOne(): boolean {
    return this.nodes.length === 1 || this.store !== undefined
  }

  /** What another node has taken this one must know by now, but for what is under way: of what a bus has lost nothing tells it. */
  isTold({ line }: ServerNode): boolean {
    return this.nodes.length === 1 || this.bus?.isSound === true || line?.isWell === true
  }

  node(number: number): ServerNode {
    const node = pick(this.nodes, number)
    if (!node) throw new TypeError('expected a node')
    return node
  }

  /** The memory of a node is lost; its next process may be of another build. */
  restart(node: ServerNode, build: BuildName): void {
    const { index } = node
    node.end()
    this.durability?.forget(node)
    this.bus?.forget(index)
    this.nodes[index] = this.#start(index, build)
  }

  /** What comes by itself: the store answers, or the word of another node arrives. Says whether there was anything. */
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
    this.#watcher.told(node, toldByNode(name, rows), from)
  }

  #start(index: number, build: BuildName): ServerNode {
    const { skews } = this.#cluster
    const now = (): number => serverClock.at + (skews[index] ?? 0)
    const { bus, store } = this
    const line = store && new StoreLine(store, (asked, name, rows) => this.#answered(node, asked, name, rows))
    const publish = bus && ((message: Message): void => bus.publish(node, skews.length, message))
    const options = { build, rotation: this.rotation, hasKoaSession: this.#hasKoaSession, now }
    const process = this.isAlone ? pool.start(options) : new Process({ ...options, store: line, publish })
    const node: ServerNode = new ServerNode(index, process, { now, line, onJoin: this.#watcher.joined })
    process.onEnd = (user, isErased) => {
      if (!node.isOver) this.#watcher.revoked(node, user, isErased)
    }
    return node
  }

  #answered(node: ServerNode, asked: Question, name: string, rows: readonly StoredRow[]): void {
    const told = toldByStore(
      name,
      rows.map(({ key, stamp, value }) => [key, stamp, value]),
    )
    const { sub } = told
    if (asked === 'aside') return
    if (asked === 'load') node.loads.set(sub, node.now())
    // What stands where it was written is of no interest to a node that is about to delete it.
    const isErasing = asked === 'merge' && node.knowledge.givenUp.has(sub)
    if (isErasing) node.knowledge.hear(told)
    this.#watcher.told(node, isErasing ? { ...told, registers: new Map() } : told, undefined)
  }
}
