// A real client on a simulated network and server, for component tests.

import { createClient } from '../client/client.js'
import { beginPage } from '../client/core/html.js'
import { warnOfMistyped } from '../client/development/checked-client.js'
import { FULL_TEXTS } from '../client/development/error-texts.js'
import type { LiveSessionClient } from '../client/types.js'
import { didYouMean } from '../shared/checks.js'
import { isOwnCode, type LiveSessionErrorCode, STATUSES } from '../shared/codes.js'
import { DEFAULT_ENDPOINT } from '../shared/protocol.js'
import type { RegisteredFields } from '../shared/registered.js'
import type { Fields } from '../shared/types.js'
import type { Given } from './given.js'
import { PageServer } from './page-server.js'
import { simulateNetwork } from './simulated-network.js'

/** A client with a simulated server, which has the rules of a real server, but no delays. */
export interface TestClient<F extends Fields = RegisteredFields> extends LiveSessionClient<F> {
  /**
   * Simulates values from another tab, device, request or job. The page receives them, with the source `'ticket'`, immediately or, if
   * offline, after `online()`.
   *
   * @throws {LiveSessionError} if `set` would reject a value; then the page receives none
   */
  receive(values: Given<F>): void
  /** Cuts the connection. New changes are shown, wait, and become `offline` after the first failed attempt. */
  offline(): void
  /** Reconnects: the page receives the missed values, and sends its waiting changes. */
  online(): void
  /**
   * Makes the server refuse the page's next change; each further call adds a change. The page reacts as always: it retries after
   * a code with a status of 429 or more, keeps the value shown after `cookies_blocked`, and otherwise rolls back and rejects.
   *
   * @throws {TypeError} for an unknown code
   */
  refuseNext(code: LiveSessionErrorCode): void
  /** Every change sent, in order, even if refused or lost on the way; none while offline. A deletion has the value `undefined`. */
  readonly sent: readonly (readonly [key: string, value: unknown])[]
}

/** Without a socket and a snapshot, `onFlash`, `followAddress` and `followHandOffs` do nothing. */
const NO_SOCKET = { socket: undefined, posts: { endpoint: DEFAULT_ENDPOINT }, initial: undefined }

/**
 * Creates a client without a server, to test components in Node and in browsers.
 *
 * The client is real, with a simulated server that validates and stamps like any server, for a guest whose browser keeps its cookie. The
 * client is ready immediately. When the promise of `set` or `flush()` resolves, all exchanges are done; no timer runs. The visitor never
 * changes (`onVisitor`), and `onFlash`, `onSessionEnd`, `followAddress`, `followHandOffs` and `keepTab` do nothing.
 *
 * @param given the page's initial values, with the status `saved`; other keys begin with their defaults
 * @throws {LiveSessionError} if `set` would reject a given value
 * @example
 * const live = testClient(fields, { division: 3 })
 * render(<LiveSessionProvider live={live}><DivisionPicker /></LiveSessionProvider>)
 * await act(() => live.receive({ division: 4 }))
 */
export function testClient<F extends Fields = RegisteredFields>(fields: F, given: Given<F> = {}): TestClient<F> {
  const server = new PageServer(fields, given)
  const network = simulateNetwork(server)
  const live = createClient<F>(
    beginPage(server.snapshot(), true),
    network.createEnvironment,
    FULL_TEXTS,
    NO_SOCKET,
    true,
  )
  warnOfMistyped(live)
  return Object.assign(live, {
    receive: (values: Given<F>) => network.broadcast(server.write('receive', values)),
    offline: network.cut,
    online: network.mend,
    refuseNext: (code: LiveSessionErrorCode) => {
      checkCode(code)
      server.refuse(code)
    },
    sent: network.sent,
  })
}

function checkCode(code: string): void {
  if (isOwnCode(code)) return
  throw new TypeError(
    `koa-live-session: refuseNext: expected a code of a LiveSessionError, received ${code}.${didYouMean(String(code), Object.keys(STATUSES))}`,
  )
}
