// Sends changes to the app's other processes, and merges the changes that they send.

import { EventEmitter } from 'node:events'
import type { Namespace, Server } from 'socket.io'
import { idsOf, withIds } from '../shared/idempotency-keys.js'
import { isRevocation, type LwwRegister, toWire } from '../shared/register.js'
import { Replica } from '../shared/replica.js'
import type { Ends } from './ends/ends.js'
import { stateOf } from './ends/validity.js'
import type { Memory } from './memory/memory.js'
import type { Settings } from './settings/settings.js'
import { type AnyFeatureData, dataOf } from './store/feature-entry.js'
import type { StoreClient } from './store/store-client.js'
import { validRegisters } from './store/validated-store.js'
import { deriveKeys } from './subjects/signing-keys.js'
import { FIRST_GENERATION, readGeneration } from './subjects/store-key.js'
import { isBrowser, isSignOut, type Subject } from './subjects/subject.js'
import type { Values } from './values/values.js'

/**
 * The event between processes, with four arguments:
 * - the name of the registers' subject, or the key of a feature's data
 * - the new registers
 * - the idempotency keys of updates, by register key
 * - the ids (`kid`) of the sender's ticket keys
 */
const MERGE = 'live_session:merge'
const OF_ANOTHER =
  `ignored a ${MERGE} message of another app, whose secrets this process does not have. Processes of one app share their secrets; ` +
  'give each app a prefix of its own in the adapter: node_modules/koa-live-session/docs/troubleshooting.md#messages-of-another-app'
const LATE =
  'another process has changed values of a page that is open here, and the page learned of the change late, from the store. ' +
  'Give socket.io an adapter, which tells all processes at once'

export interface NodeParts {
  readonly settings: Settings
  readonly memory: Memory
  readonly store: StoreClient | undefined
  readonly ends: Ends
  readonly values: Values
  readonly featureData: readonly AnyFeatureData[]
}

/**
 * Exchanges changes with the app's other processes: one message per name and turn. Sends all earlier changes before a revocation register.
 */
export class Nodes {
  readonly #io: Server
  readonly #main: Namespace
  readonly #parts: NodeParts
  /** The `kid` of each ticket key: during a rotation of secrets, any two processes of an app have a `kid` in common. */
  readonly #kids: readonly string[]
  #queued = new Map<string, Replica>()

  constructor(io: Server, parts: NodeParts) {
    this.#io = io
    this.#main = io.of('/')
    this.#parts = parts
    this.#kids = deriveKeys(parts.settings.secrets, 'ticket').map(({ id }) => id)
    io.on(MERGE, (name: unknown, wire: unknown, ids: unknown, kids: unknown) => {
      if (this.#isOurs(kids)) this.#receive(name, wire, ids)
      else parts.settings.warn(OF_ANOTHER)
    })
  }

  /**
   * Whether a socket.io adapter connects the processes; the adapter may still lose messages. Checked at each call, because the app may set
   * its adapter at any time.
   */
  get hasAdapter(): boolean {
    return hasOthers(this.#main.adapter)
  }

  /** Broadcasts registers. `name`: a subject with its generation (`withGeneration`), the key of a user's sign-outs, or a feature's key. */
  broadcast(name: string, registers: readonly LwwRegister[]): void {
    if (registers.length === 0 || !this.hasAdapter) return
    // Sends earlier writes before a revocation register.
    if (registers.some(isRevocation)) this.flush()
    if (this.#queued.size === 0) queueMicrotask(() => this.flush())
    const queued = this.#queued.get(name) ?? new Replica()
    this.#queued.set(name, queued)
    for (const register of registers) queued.merge(register, 'job')
  }

  /** Sends the queued messages immediately, instead of at the end of the turn. */
  flush(): void {
    const queued = this.#queued
    this.#queued = new Map()
    for (const [name, replica] of queued) {
      try {
        const registers = replica.registers()
        const ids = idsOf(registers, this.#parts.settings.clock(), Infinity)
        this.#io.serverSideEmit(MERGE, name, registers.map(toWire), ids === undefined ? null : ids, this.#kids)
      } catch (error) {
        this.#parts.settings.report(error)
      }
    }
  }

  /** Called when a load finds another process's change: with an adapter, open pages would have learned of it at once. */
  learntLate(subject: Subject): void {
    const { memory, store, settings } = this.#parts
    const isOwn = store?.updatesOf(subject)?.isInFlight(subject)
    if (!this.hasAdapter && memory.pinnedOf(subject)?.sockets.size && !isOwn) settings.warn(LATE)
  }

  /**
   * Returns whether a message comes from this app, since several apps may share an adapter. Messages of older builds have no `kid`s, and
   * count as this app's.
   */
  #isOurs(kids: unknown): boolean {
    return !Array.isArray(kids) || this.#kids.some((kid) => kids.includes(kid))
  }

  #receive(name: unknown, wire: unknown, ids: unknown): void {
    const leaveOut = (): void =>
      this.#parts.settings.warn(
        `ignored a malformed ${MERGE} message of another process, or one from a clock that is ahead`,
      )
    const isMessage = typeof name === 'string' && Array.isArray(wire)
    const data = isMessage ? dataOf(this.#parts.featureData, name) : undefined
    const named = isMessage ? readGeneration(name) : undefined
    if (!isMessage || !(data || named || isBrowser(name) || isSignOut(name))) {
      leaveOut()
      return
    }
    const valid = withIds(validRegisters(wire.map(fromWire), this.#parts.settings.clock(), leaveOut), ids)
    if (data?.handles(name)) {
      data.mergeRemote(name, valid, 'node')
      return
    }
    const { registers, revocation, ...state } = stateOf(valid)
    const generation = Math.max(named?.generation ?? FIRST_GENERATION, state.generation)
    const { ends, values } = this.#parts
    ends.learn(named?.user ?? name, { revocation, generation }, 'node')
    if (named) values.merge(named.user, registers, 'node', generation)
    else if (isBrowser(name)) values.merge(name, registers, 'node')
  }
}

function fromWire(item: unknown): unknown {
  if (!Array.isArray(item)) return undefined
  const [key, stamp, value] = item as unknown[]
  return { key, stamp, value }
}

/**
 * Returns whether an adapter reaches other processes, unlike socket.io's default adapter, whose `serverSideEmit` only warns. The default
 * adapter's class is the one that extends `EventEmitter` directly.
 */
function hasOthers(adapter: object): boolean {
  let place: object = adapter
  while (!Object.hasOwn(place, 'serverSideEmit')) {
    const above: unknown = Object.getPrototypeOf(place)
    if (typeof above !== 'object' || above === null) return false
    place = above
  }
  return Object.getPrototypeOf(place) !== EventEmitter.prototype
}
