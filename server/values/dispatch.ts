import { randomUUID } from 'node:crypto'
import type { Field } from '../../shared/field.js'
import { type JsonValue, sameJson } from '../../shared/json.js'
import { STORE_SESSION, type TicketClaims } from '../../shared/protocol.js'
import { type StoredRegister, toWire } from '../../shared/register.js'
import type { Replica } from '../../shared/replica.js'
import { NEVER } from '../../shared/stamp.js'
import type { Sub } from '../../shared/sub.js'
import type { Core } from '../core.js'
import type { BrowserName } from '../identity/browser-name.js'
import { isUser, type Subject, subjectHash } from '../identity/subject.js'
import type { Holding } from './subjects.js'
import type { TicketContent } from './ticket.js'

/** Signs tickets of what changed and sends them to the subject's sockets, once for all changes of a turn. */
export class Dispatch {
  readonly #core: Pick<Core, 'tickets' | 'epochs' | 'settings'>
  readonly #fields: readonly Field[]
  #changed = new Map<Holding, Set<Field>>()
  #afterwards: (() => void)[] = []

  constructor(core: Pick<Core, 'tickets' | 'epochs' | 'settings'>) {
    this.#core = core
    this.#fields = [...core.settings.fields.values()].filter((field) => field.access !== 'hidden')
  }

  add(holding: Holding, field: Field): void {
    if (holding.sockets.size === 0 || field.access === 'hidden') return
    // A microtask: packets that arrived together have all been handled by then, and no browser waits for a timer.
    if (this.#changed.size === 0) queueMicrotask(() => this.flush())
    const fields = this.#changed.get(holding) ?? new Set()
    this.#changed.set(holding, fields.add(field))
  }

  /** Sends again what pages may have given up: in a ticket of its own, as they take one that they know for the same. */
  repeat(holding: Holding, fields: readonly Field[]): void {
    if (holding.sockets.size > 0) this.#try(() => this.#send(holding, fields, { jti: randomUUID() }))
  }

  /** Does something once what has changed is on its way: a browser that is answered then has the tickets already. */
  afterwards(act: () => void): void {
    if (this.#changed.size === 0) act()
    else this.#afterwards.push(act)
  }

  /** Sends what has changed since the last flush: the newest value of each key. */
  flush(): void {
    const [changed, afterwards] = [this.#changed, this.#afterwards]
    this.#changed = new Map()
    this.#afterwards = []
    for (const [holding, fields] of changed) {
      this.#try(() => this.#send(holding, fields))
    }
    for (const act of afterwards) this.#try(act)
  }

  /** A ticket of a greeting: of the fields that are the subject's every readable register, and what the others read as. */
  greeting(
    subject: Subject,
    replica: Replica,
    isOwn: (field: Field) => boolean,
    circumstances: BrowserName & Pick<TicketClaims, 'more'>,
  ): string {
    const fields = this.#fields.filter(isOwn)
    const registers = this.#readable(replica, fields)
    const keys = new Set(registers.map(({ key, value }) => (value === undefined ? undefined : key)))
    const defaults = fields.flatMap((field): [string, JsonValue][] => {
      const read = keys.has(field.key) ? undefined : field.live(replica, this.#core.settings.clock())
      const value = read === undefined ? field.default : read
      return value === undefined ? [] : [[field.key, value]]
    })
    return this.ticket(subject, registers, { defaults: Object.fromEntries(defaults), ...circumstances })
  }

  ticket(
    subject: Subject,
    registers: readonly StoredRegister[],
    circumstances: Omit<TicketContent, 'sub' | 'epoch' | 'changes'> = {},
    sub: Sub = subjectHash(subject),
  ): string {
    const epoch = this.#core.epochs.of(isUser(subject) ? sub : undefined)
    const changes = registers.map(toWire)
    return this.#core.tickets.sign({ sub, epoch, changes, ...circumstances }, this.#core.settings.clock())
  }

  #try(act: () => void): void {
    try {
      act()
    } catch (error) {
      this.#core.settings.report(error)
    }
  }

  #send(holding: Holding, fields: Iterable<Field>, circumstances: Pick<TicketClaims, 'jti'> = {}): void {
    const ticket = this.ticket(holding.subject, this.#readable(holding.replica, fields), circumstances, holding.sub)
    // By room, so that the packet is encoded once for all; to this node's sockets, as each node sends to its own.
    const namespaces = new Set(Array.from(holding.sockets, (socket) => socket.nsp))
    for (const namespace of namespaces) namespace.local.to(holding.room).emit(STORE_SESSION, ticket)
  }

  /** The registers that a browser can show as they are stored: not expired, and not in need of `migrate`. */
  #readable(replica: Replica, fields: Iterable<Field>): StoredRegister[] {
    return [...fields].flatMap((field) => {
      const { key } = field
      const [stamp, value] = [replica.stamp(key), replica.value(key)]
      if (stamp === NEVER) return []
      const isShown = value === undefined || sameJson(field.live(replica, this.#core.settings.clock()), value)
      return isShown ? [{ key, stamp, value }] : []
    })
  }
}
