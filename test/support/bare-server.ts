import { readTicket } from '../../client/ticket.js'
import type { JsonValue } from '../../shared/json.js'
import { OVER_ANY, type Sync, type SyncAnswer, type SyncResult, type WireChange } from '../../shared/protocol.js'
import type { TakenId, WireRegister } from '../../shared/register.js'
import type { Stamp } from '../../shared/stamp.js'
import { bareTicket } from './bare-ticket.js'

/** A register: its newest write, and the ids of its computed changes. */
interface Register {
  readonly stamp: number
  readonly value?: JsonValue | undefined
  readonly ids: readonly TakenId[]
}

/** Whose a request or connection is, and whether it brought their cookie. */
export interface Visit {
  readonly who: string
  readonly kept: boolean
}

/** A server of one visitor that follows docs/protocol.md, as far as a page can tell. */
export class BareServer {
  readonly registers = new Map<string, Register>()
  /** Content of the browser's cookie. */
  readonly cookie = new Map<string, Register>()
  /** Every computed change that was taken, as often as it was. */
  readonly taken: string[] = []
  #now = 1_000_000

  constructor(readonly defaults: Readonly<Record<string, JsonValue>>) {}

  /** Writes a value from elsewhere; a computed one has an `id`. */
  write(key: string, value: JsonValue | undefined, id = ''): string {
    this.#now += 1
    const { ids = [] } = this.registers.get(key) ?? {}
    const own: readonly TakenId[] = id ? [[id, this.#now as Stamp]] : []
    this.registers.set(key, { stamp: this.#now, value, ids: [...ids, ...own] })
    if (id) this.taken.push(id)
    return this.#ticket([key])
  }

  /** Its process dies, and the next one knows the cookie's values; here with ids, which a real cookie does not have. */
  crash(): void {
    this.registers.clear()
    for (const [key, register] of this.cookie) this.registers.set(key, register)
  }

  /** Answers a page over its own connection, or a POST with its cookie. */
  answer(sync: Sync, { who, kept }: Visit, isPost: boolean, isFirst = false): SyncAnswer {
    const greeting = isFirst || sync.who !== who ? { greeting: [this.#greeting()] } : {}
    const own = { who, ...(kept && { kept: true as const }) }
    if (sync.who !== undefined && sync.who !== who)
      return { ...own, ...greeting, dropped: true, results: [], held: this.#held(kept) }
    const newer = (sync.tickets ?? []).flatMap((ticket) => this.#merge(ticket))
    const results = (sync.set ?? []).map((change) => this.#set(change))
    // Also the values that are newer than those brought.
    const keys = [...new Set([...newer, ...(sync.set ?? []).map(([key]) => key)])]
    const answer: SyncAnswer = {
      ...own,
      ...greeting,
      results,
      held: this.#held(kept),
      ...(keys.length > 0 && { ticket: this.#ticket(keys) }),
    }
    if (isPost) for (const [key, register] of this.registers) this.cookie.set(key, register)
    return answer
  }

  #set([key, over, id, value]: WireChange): SyncResult {
    const now = this.registers.get(key)
    if (over !== OVER_ANY && now && now.stamp > over) {
      const was = now.ids.find(([one]) => one === id)
      if (id && was) return { stamp: was[1], level: 'memory' }
      const isSame = JSON.stringify(now.value) === JSON.stringify(value)
      if (!id && isSame) return { stamp: now.stamp as Stamp, level: 'memory' }
      const stands = { stamp: now.stamp as Stamp, ...(now.value === undefined ? {} : { value: now.value }) }
      return { code: id ? 'conflict' : 'superseded', ...stands }
    }
    this.write(key, value, id)
    return { stamp: this.#now as Stamp, level: 'memory' }
  }

  /** Merges a ticket. Returns the keys for which the server has newer values. */
  #merge(ticket: string): readonly string[] {
    const { changes, ids } = readTicket(ticket)
    return changes.flatMap(([key, stamp, value]) => {
      const now = this.registers.get(key)
      if (!now || stamp > now.stamp) this.registers.set(key, { stamp, value, ids: ids?.[key] ?? [] })
      return now && now.stamp > stamp ? key : []
    })
  }

  #held(kept: boolean): readonly (readonly [string, Stamp])[] {
    return kept ? [...this.cookie].map(([key, { stamp }]) => [key, stamp as Stamp]) : []
  }

  #ticket(keys: readonly string[]): string {
    const all = keys.flatMap((key) => {
      const register = this.registers.get(key)
      return register ? [[key, register] as const] : []
    })
    const ids = Object.fromEntries(
      all.filter(([, register]) => register.ids[0]).map(([key, register]) => [key, register.ids]),
    )
    return bareTicket({ changes: all.map(([key, { stamp, value }]) => wire(key, stamp, value)), ids })
  }

  #greeting(): string {
    const ticket = readTicket(this.#ticket([...this.registers.keys()]))
    return bareTicket({ ...ticket, defaults: this.defaults, guest: true })
  }
}

function wire(key: string, stamp: number, value: JsonValue | undefined): WireRegister {
  return value === undefined ? [key, stamp as Stamp] : [key, stamp as Stamp, value]
}
