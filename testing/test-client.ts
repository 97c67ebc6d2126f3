import { createClient } from '../client/client.js'
import { beginPage } from '../client/core/page.js'
import { adviceFor } from '../client/development/advice.js'
import type { LiveSessionClient } from '../client/types.js'
import type { LiveSessionErrorCode } from '../shared/errors.js'
import type { Fields } from '../shared/field-types.js'
import { DEFAULT_ENDPOINT } from '../shared/protocol.js'
import type { RegisteredFields } from '../shared/registered.js'
import type { Given } from './given.js'
import { createLine } from './line.js'
import { PageServer } from './page-server.js'

/** A client whose server is played: by the same rules, and without any time passing. */
export interface TestClient<F extends Fields = RegisteredFields> extends LiveSessionClient<F> {
  /**
   * Has values come from another tab, device, request or job; told at once, by the source `'ticket'`. While offline they wait for `online()`.
   *
   * @throws {LiveSessionError} where a value could not have been set; then none is
   */
  receive(values: Given<F>): void
  /** Cuts the connection. What is set is shown, waits, and is `offline` as soon as a try has failed. */
  offline(): void
  /** Connects again: the page hears what it has missed, and sends what waits. */
  online(): void
  /**
   * Has the server refuse the next change that it is sent; called again, the one after that, too. What the page makes of a code is what it
   * always does: it tries again after `rate_limited`, `closed` and `store_unavailable`, goes on showing the value after `cookies_blocked`, and
   * rolls back and rejects after any other.
   */
  refuseNext(code: LiveSessionErrorCode): void
  /** Every change that has gone out, in order, also one that was refused, or lost on its way; while offline none does. A deletion has the value `undefined`. */
  readonly sent: readonly (readonly [key: string, value: unknown])[]
}

/** Nothing comes that parts of a page would take. */
const NO_SOCKET = { socket: undefined, endpoint: DEFAULT_ENDPOINT, initial: undefined }

/**
 * A client without a server, to test components: in Node, and in browsers.
 *
 * It is the real one, with a server beside it that validates and stamps as every server does, for a guest whose browser keeps its cookie. It
 * is ready at once. What takes a network otherwise has come about when the promise of `set`, or of `flush()`, is awaited; no timer runs. No
 * other visitor comes (`onVisitor`), and nothing comes for `onFlash`, `followAddress` and `followHandOffs`.
 *
 * @param given what the page begins with, `saved`; for other keys it begins with the default
 * @throws {LiveSessionError} where a given value could not have been set
 * @example
 * const live = testClient(fields, { division: 3 })
 * render(<LiveSessionProvider live={live}><DivisionPicker /></LiveSessionProvider>)
 * await act(() => live.receive({ division: 4 }))
 */
export function testClient<F extends Fields = RegisteredFields>(fields: F, given: Given<F> = {}): TestClient<F> {
  const server = new PageServer(fields, given)
  const line = createLine(server)
  const live = createClient<F>(beginPage(server.snapshot(), true), line.surround, adviceFor({}), NO_SOCKET, true)
  return Object.assign(live, {
    receive: (values: Given<F>) => line.tell(server.write('receive', values)),
    offline: line.cut,
    online: line.mend,
    refuseNext: (code: LiveSessionErrorCode) => server.refuse(code),
    sent: line.sent,
  })
}
