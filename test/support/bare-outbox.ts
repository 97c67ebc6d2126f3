import type { Draft } from '../../client/draft.js'
import { createOutbox, type Outbox } from '../../client/outbox.js'
import { createValues, type Values } from '../../client/values.js'
import type { JsonValue } from '../../shared/json.js'
import type { WireRegister } from '../../shared/register.js'

/** An outbox without a page: a test does what connections and POSTs would. */
export interface BareOutbox {
  readonly values: Values
  readonly outbox: Outbox
  put(key: string, value: JsonValue | undefined): void
  /** Sends the newest change of a key. */
  send(key: string): Draft
  /** Both. */
  set(key: string, value: JsonValue | undefined): Draft
  keep(ticket: string, ...changes: WireRegister[]): void
  /** What has become of the changes by now. */
  settled(): Promise<readonly string[]>
}

export function bareOutbox(): BareOutbox {
  const values = createValues()
  values.setDefaults({ division: -1, cart: [] })
  const outbox = createOutbox(values)
  const outcomes: string[] = []
  const put = (key: string, value: JsonValue | undefined): void => {
    outbox.set(key, value).then(
      () => outcomes.push(`${value} saved`),
      ({ code }) => outcomes.push(`${value} ${code}`),
    )
  }
  const send = (key: string): Draft => {
    const draft = outbox.unsent().find((one) => one.key === key)
    if (!draft) throw new Error('no draft')
    outbox.dispatch(draft)
    return draft
  }
  const set = (key: string, value: JsonValue | undefined): Draft => {
    put(key, value)
    return send(key)
  }
  const keep = (ticket: string, ...changes: WireRegister[]): void => outbox.keep(ticket, { changes })
  const settled = async (): Promise<string[]> => {
    await new Promise((resolve) => setTimeout(resolve))
    return outcomes
  }
  return { values, outbox, put, send, set, keep, settled }
}
