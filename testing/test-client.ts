import { createClient } from '../client/client.js'
import { beginPage } from '../client/core/page.js'
import { adviceFor } from '../client/development/advice.js'
import { missMistyped } from '../client/development/mistyped.js'
import type { LiveSessionClient } from '../client/types.js'
import type { LiveSessionErrorCode } from '../shared/errors.js'
import type { Fields } from '../shared/field-types.js'
import { DEFAULT_ENDPOINT } from '../shared/protocol.js'
import type { RegisteredFields } from '../shared/registered.js'
import type { Given } from './given.js'
import { createLine } from './line.js'
import { PageServer } from './page-server.js'

/** A client with a simulated server: by the same rules, and without any time passing. */
export interface TestClient<F extends Fields = RegisteredFields> extends LiveSessionClient<F> {
  /**
   * Receives values from another tab, device, request or job, at once, with the source `'ticket'`. While offline they wait for `online()`.
   *
   * @throws {LiveSessionError} if a value could not have been set; then none is
   */
  receive(values: Given<F>): void
  /** Cuts the connection. Values that are set are shown, wait, and are `offline` as soon as an attempt has failed. */
  offline(): void
  /** Reconnects: the page receives what it has missed, and sends what waits. */
  online(): void
  /**
   * Makes the server refuse the next change that it is sent; called again, the one after that, too. The page handles a code as always: it
   * tries again after `rate_limited`, `closed` and `store_unavailable`, keeps showing the value after `cookies_blocked`, and rolls back and
   * rejects after any other.
   */
  refuseNext(code: LiveSessionErrorCode): void
  /** Every change sent, in order, even if refused or lost on the way; none while offline. A deletion has the value `undefined`. */
  readonly sent: readonly (readonly [key: string, value: unknown])[]
}

/** Nothing comes for the parts of a page. */
const NO_SOCKET = { socket: undefined, endpoint: DEFAULT_ENDPOINT, initial: undefined }

/**
 * Creates a client without a server, to test components in Node and in browsers.
 *
 * It is the real one, with a simulated server that validates and stamps like any server, for a guest whose browser keeps its cookie. It is
 * ready at once. What would otherwise take a network is done once the promise of `set` or `flush()` is awaited; no timer runs. No other
 * visitor comes (`onVisitor`), and nothing comes for `onFlash`, `followAddress` and `followHandOffs`.
 *
 * @param given the values that the page begins with, `saved`; other keys begin with their defaults
 * @throws {LiveSessionError} if a given value could not have been set
 * @example
 * const live = testClient(fields, { division: 3 })
 * render(<LiveSessionProvider live={live}><DivisionPicker /></LiveSessionProvider>)
 * await act(() => live.receive({ division: 4 }))
 */
export function testClient<F extends Fields = RegisteredFields>(fields: F, given: Given<F> = {}): TestClient<F> {
  const server = new PageServer(fields, given)
  const line = createLine(server)
  const live = createClient<F>(beginPage(server.snapshot(), true), line.surround, adviceFor({}), NO_SOCKET, true)
  missMistyped(live)
  return Object.assign(live, {
    receive: (values: Given<F>) => line.tell(server.write('receive', values)),
    offline: line.cut,
    online: line.mend,
    refuseNext: (code: LiveSessionErrorCode) => server.refuse(code),
    sent: line.sent,
  })
}
