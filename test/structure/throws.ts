/**
 * Where the app's code stands when the library throws:
 * - `start`: it sets up the library, and its author sees the error at the first start
 * - `request`: it is a middleware, and the error becomes the answer to this request
 * - `awaited`: it has a promise, which rejects. If no code awaits the promise, the error is reported
 * - `handler`: it may be a listener of a socket, or a timer, where nothing catches the error and the process ends. So only a mistake of the
 *   app's own code may throw here, which TypeScript refuses and the first call shows
 * - `page`: it is a page's script or component: the console shows the error
 * - `test`: it is a test
 * - a file and a function: nowhere, because this function of the library catches the error
 */
export type Place = 'start' | 'request' | 'awaited' | 'handler' | 'page' | 'test' | `${string} ${string}`

const ANSWER = 'server/connections/page-events.ts #answer'
const ADMISSION = 'server/connections/admissions.ts #admissionOf'
const CHANGE = 'client/client.ts change'
const READ = 'shared/field.ts read'
const STORE_CALL = 'server/store/circuit-breaker.ts call'

/** The place of each `throw` and rejection, by file and function. Of several places, the one with the worst consequence. */
export const THROWS: Readonly<Record<string, Readonly<Record<string, Place>>>> = {
  'client/client.ts': { get: 'page', dispatch: CHANGE },
  'client/development/checked-client.ts': { onSessionEnd: 'page', checkOptions: 'page' },
  'client/development/error-texts.ts': { copy: CHANGE },
  'client/development/hook.ts': { storeSession: 'page' },
  'client/development/socket.ts': { connect: 'page', checkOptions: 'page', checkEvent: 'page', fail: 'page' },
  'client/error.ts': { settable: CHANGE, soundOf: 'client/error.ts settable' },
  'client/internals.ts': { internalsOf: 'page' },
  'client/react.ts': { useLiveSession: 'page' },
  'client/vue.ts': { useLiveSession: 'page' },

  'server/connections/admissions.ts': {
    enter: 'server/connections/attach.ts install',
    '#checkNamespaces': 'server/connections/attach.ts install',
    '#fail': 'server/connections/attach.ts install',
    '#waitForRoom': ADMISSION,
  },
  'server/connections/attach.ts': { get: 'handler' },
  'server/connections/authentication.ts': { userOf: ADMISSION },
  'server/connections/handshake.ts': { recognize: ADMISSION, '#checkOrigin': ADMISSION },
  'server/connections/page-events.ts': { '#exchange': ANSWER, '#answer': ANSWER },
  'server/connections/socket.ts': { permit: 'awaited' },

  'server/exchange/decide.ts': {
    readChanges: ANSWER,
    writeList: 'server/exchange/exchange.ts #update',
    writable: 'server/exchange/decide.ts readChanges',
  },
  'server/exchange/exchange.ts': { refusal: ANSWER },
  'server/exchange/handle.ts': { permit: 'awaited', '#write': 'awaited', '#refuse': 'handler' },
  'server/exchange/limits.ts': { spend: 'awaited', refuseUntil: 'awaited' },
  'server/exchange/user-handle.ts': { current: 'awaited' },
  'server/exchange/verify-tickets.ts': { '#redeem': ANSWER },

  'server/features/address/index.ts': { valueInAddress: 'request', setValue: 'request' },
  'server/features/flash/index.ts': { takeFlash: 'awaited', '[TAKE_FLASH]': ANSWER },
  'server/features/frozen-input.ts': { frozenInput: 'awaited', jsonOf: 'awaited' },
  'server/features/hand-off/index.ts': {
    handOff: 'awaited',
    checkUnrevoked: 'awaited',
    checkOpen: 'awaited',
    checkTarget: 'awaited',
  },
  'server/features/hand-off/posted-token.ts': {
    read: 'awaited',
    sendOn: 'request',
    redeemHandOff: 'awaited',
    accepted: 'awaited',
  },
  'server/features/hand-off/tokens.ts': { redeem: 'awaited', checkPurpose: 'awaited' },
  'server/features/inspector/actions.ts': { act: 'server/features/inspector/inspector.ts act' },
  'server/features/inspector/inspector.ts': { act: 'request' },
  'server/features/rooms/index.ts': { room: 'handler' },
  'server/features/rooms/room-names.ts': { of: 'handler' },
  'server/features/session-store/app-sessions.ts': { '#loadSurely': 'request', write: 'awaited' },
  'server/features/session-store/index.ts': { userOf: 'awaited' },
  'server/features/session-store/session-content.ts': {
    readContent: 'request',
    readMaxAge: 'request',
    checkKeyCount: 'awaited',
  },
  'server/features/session-store/session-handle.ts': { permit: 'awaited' },
  'server/features/session-store/session-json.ts': {
    checkWritable: 'awaited',
    checkKey: 'awaited',
    jsonOf: 'awaited',
    attempt: 'awaited',
  },
  'server/features/session-store/session-store.ts': {
    '#saveNew': 'request',
    '#carriedContent': 'request',
    renewId: 'awaited',
    checkSource: 'request',
  },
  // Other errors than refusals, which the code within does not make.
  'server/features/tab/index.ts': { redeemOwn: 'server/features/tab/index.ts redeemOwn' },

  'server/http/body.ts': { readBody: 'request', read: 'request' },
  'server/http/endpoint.ts': {
    createEndpoint: 'request',
    refuse: 'request',
    refuseWhileRotating: 'request',
    answer: 'request',
    permit: 'request',
  },
  'server/http/middleware.ts': { createMiddleware: 'request' },
  'server/http/origin.ts': { checkPost: 'request' },
  'server/http/request-handles.ts': { of: 'request' },
  'server/http/request.ts': { '#openVisit': 'awaited', permit: 'awaited', toString: 'request' as const },
  'server/identity/identify-user.ts': { watchSession: 'request' },

  // `live.middleware` itself in place of `live.middleware()`: Koa calls it with a request.
  'server/plugin.ts': { coreOf: 'test', checkNotUsed: 'request' },
  'server/resolve-options.ts': { resolveOptions: 'start', readAll: 'start' },
  'server/settings/option-checks.ts': { checkNames: 'start', check: 'start' },

  'server/store/circuit-breaker.ts': { call: 'server/store/write-queue.ts #send' },
  'server/store/feature-data.ts': { load: 'server/store/feature-data.ts loadInTime' },
  'server/store/loads.ts': { load: 'server/store/loads.ts loadIfStale' },
  'server/store/redis-commands.ts': { send: STORE_CALL, run: STORE_CALL, cellsOf: STORE_CALL },
  'server/store/sql/engines.ts': { engineOf: 'start' },
  'server/store/sql/migration.ts': { unlessThere: 'awaited' },
  'server/store/sql/rows.ts': { columnText: STORE_CALL, checkTable: 'start' },
  'server/store/sql/sql-store.ts': { attempt: STORE_CALL },
  'server/store/sql/sweep.ts': {
    sweepBatch: 'server/store/sql/sweep.ts sweepBatch',
    unlessUsed: 'server/store/sweeps.ts sweep',
  },
  'server/store/store-client.ts': { confirm: 'awaited' },
  'server/store/updates.ts': { apply: 'awaited', applyPersistently: 'awaited', '#make': 'awaited' },
  'server/store/validated-store.ts': { '#replace': STORE_CALL, listed: STORE_CALL },

  'server/subjects/signing-keys.ts': { firstOf: 'start', fail: 'start' },
  'server/subjects/subject.ts': { userSubject: 'awaited' },
  'server/values/ticket.ts': { verify: ANSWER },
  'server/values/values.ts': { checkOpen: 'awaited' },

  'shared/budget.ts': { share: 'start' },
  'shared/checks.ts': { checkNext: 'awaited', checkListener: 'handler' },
  'shared/errors.ts': { settable: 'awaited' },
  'shared/field.ts': {
    acceptFromBrowser: 'server/exchange/decide.ts readChanges',
    '#migrated': READ,
    '#json': 'awaited',
    '#judge': 'awaited',
    '#mustFit': 'awaited',
  },
  'shared/fields.ts': {
    checkFields: 'start',
    checkParameters: 'start',
    expect: 'start',
    checkField: 'start',
    checkDefault: 'start',
  },
  'shared/json.ts': { refuse: 'shared/errors.ts settable', each: 'shared/errors.ts settable' },
  'shared/parse.ts': { parseMessage: ANSWER, parseChanges: ANSWER, refuse: ANSWER, parseTickets: ANSWER },
  'shared/promise.ts': { refusePromise: 'awaited' },
  'shared/schema.ts': { validate: 'shared/field.ts #judge' },
  'shared/stamp.ts': { toStamp: 'awaited' },

  'testing/contract/rule.ts': { inTurn: 'test' },
  'testing/cookie-for.ts': { cookieFor: 'test' },
  'testing/memory-store.ts': { attempt: STORE_CALL },
  'testing/node-only.ts': { nodeOnly: 'test' },
  'testing/page-server.ts': { exchange: 'test', '#nextRefusal': 'testing/page-server.ts exchange' },
  'testing/test-client.ts': { checkCode: 'test' },
  'testing/test-values.ts': { acceptTestValues: 'test' },
}
