import type { Event } from '../../client/core/events.js'
import type { Page } from '../../client/core/page.js'
import { step as realStep } from '../../client/core/step.js'
import type { AnySnapshot } from '../../shared/protocol.js'

interface Log {
  readonly events: Event[]
  /** Counts the ends of `renew`, after each of which the page may doubt anew. */
  renewals: number
}

const logs = new WeakMap<Page, Log>()
let latest: Log = { events: [], renewals: 0 }

/**
 * Replaces `step` for the client, and records each event.
 *
 * @public for the bundle of `fleet.ts`
 */
export function step(page: Page, event: Event): ReturnType<typeof realStep> {
  const log = logs.get(page) ?? { events: [], renewals: 0 }
  logs.set(page, log)
  latest = log
  log.events.push(event)
  const isRenewal = event[0] === 'timer' && event[1] === 'renew' && page.timers.has('renew')
  const effects = realStep(page, event)
  if (isRenewal) log.renewals += 1
  return effects
}

/** Creates a page, with the log of its events. */
export function recorded<T>(create: () => T): readonly [created: T, log: Log] {
  latest = { events: [], renewals: 0 }
  const created = create()
  return [created, latest]
}

export function scriptOf({ events }: Log, initial: AnySnapshot | undefined, hasSocket: boolean): string {
  const lines = events.map((event) => `  ${textOf(event)},`)
  return [
    `const page = new BarePage(${JSON.stringify(initial ?? null)}, ${hasSocket})`,
    'const events: Event[] = [',
    ...lines,
    ']',
    'for (const event of events) page.on(...event)',
  ].join('\n')
}

const TICKET = /^[\w-]+\.([\w-]+)\.[\w-]+$/

/** Returns the source code of a value, with tickets as their claims, because a page does not check signatures. */
function textOf(value: unknown): string {
  if (value instanceof Map) return `new Map(${textOf([...value])})`
  if (Array.isArray(value)) return `[${value.map(textOf).join(', ')}]`
  // Schedules only append an item to a list.
  if (typeof value === 'function') return `(list) => [...(list as JsonValue[]), ...${JSON.stringify(value([]))}]`
  if (typeof value === 'string' && TICKET.test(value)) {
    const {
      aud: _,
      iat,
      exp,
      ...claims
    } = JSON.parse(Buffer.from(TICKET.exec(value)?.[1] ?? '', 'base64url').toString())
    return `bareTicket(${JSON.stringify(claims)})`
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined'
  // Without a call's `settle`, which would settle the promise of the call.
  const data = Object.entries(value).filter(([key]) => key !== 'settle')
  const members = data.map(([key, member]) => `${JSON.stringify(key)}: ${textOf(member)}`)
  return `{ ${members.join(', ')} }`
}
