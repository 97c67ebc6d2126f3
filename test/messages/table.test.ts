import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { messagesInSource } from '../support/messages-in-source.js'

/**
 * Each mistake that is told, by a `TypeError` or in the log: words of the message, where it is told, and the test that makes the mistake
 * and sees the message. Refusals, which have codes, are in codes.test.ts.
 */
const TABLE: Readonly<Record<string, Readonly<Record<string, readonly [words: string, test: string][]>>>> = {
  'the declaration': {
    'shared/fields.ts': [
      ['defineFields: expected { key: { schema, default } }, received', 'messages/newcomers'],
      ['expected { schema, default, ... }, received a schema. Write', 'server/mistakes'],
      ['.url: expected another than that of', 'integration/address'],
      ['.default: expected what the schema accepts, received', 'shared/fields'],
      ['.default: \u2026', 'shared/fields'],
      ['.schema: \u2026', 'server/mistakes'],
      ['fields.\u2026.\u2026: ', 'shared/fields'],
      // Each of its own is a row of a table in that test.
      ['fields.\u2026\u2026, received', 'shared/fields'],
    ],
    'shared/budget.ts': [
      ['fields: maxBytes add up to', 'shared/budget'],
      ['bytes for its key, stamp and default, ', 'shared/budget'],
    ],
    'shared/promise.ts': [['expected a value, received a promise.', 'messages/newcomers']],
  },
  'the start': {
    'server/options.ts': [
      ['liveSession(app, options): expected { fields }, received', 'server/mistakes'],
      // Each option is a row of a table in that test.
      ['koa-live-session: \u2026: \u2026', 'server/options'],
      ['not in the cookie, and there is no store: a restart loses their values', 'messages/untimely'],
      ['identify is set, and there is no store: once users have signed out everywhere', 'messages/newcomers'],
      [
        'a visitor is forgotten after \u2026 ms: expected ms, not seconds. For an hour: 60 * 60 * 1000',
        'messages/newcomers',
      ],
      [
        'the value is forgotten after \u2026 ms: expected ms, not seconds. For an hour: 60 * 60 * 1000',
        'messages/newcomers',
      ],
    ],
    'server/idle-options.ts': [
      ['it has no effect without \u2026. Leave it out, or pass \u2026', 'server/options'],
      ['it has no effect without \u2026. Leave it out', 'server/options'],
    ],
    'server/kernel/names/keys.ts': [['keys: expected at least one string of', 'server/options']],
    'server/plugin.ts': [
      ['liveSession(app): expected a Koa app, received', 'server/options'],
      ['liveSession(app): this app has a live session already', 'server/options'],
      ['liveSession(app): expected an app of Koa 3, received one of Koa 2', 'server/mistakes'],
      ['recheck: it has no effect without identify, or middleware in handshake', 'integration/rechecks'],
      ['attach(io): already attached', 'integration/socket'],
      ['revoke(id, { except }): expected a request', 'integration/devices'],
      ['live.middleware was given a request: expected app.use(live.middleware())', 'messages/newcomers'],
      ['expected what liveSession() returned', 'messages/untimely'],
    ],
    'server/kernel/connections/attach.ts': [
      ['identify is set but handshake is not, so every socket would be anonymous', 'integration/identity'],
      ['Pass the very functions that app.use has', 'messages/attach'],
      ['or Infinity to ask never', 'integration/rechecks'],
      ['expected a Server of socket.io, received', 'messages/attach'],
      ['connectionStateRecovery lets a socket back in without asking who it is', 'threats/recovery'],
      ["sockets are already connected; attach before io.on('connection')", 'integration/socket'],
      ['another live session is attached to this server', 'messages/attach'],
    ],
  },
  'a request, or a handshake': {
    'server/kernel/requests/requests.ts': [
      ['ctx.liveSession was read before live.middleware() ran', 'integration/request'],
      ['ctx.liveSession was read in the handshake of a socket, which has none', 'messages/attach'],
      ['a request passed live.middleware() twice, and the second did nothing', 'server/mistakes'],
      ['live.middleware() was given a request of another app', 'messages/newcomers'],
    ],
    'server/kernel/requests/session-order.ts': [
      ['identify read ctx.session before session() had loaded it', 'integration/session-order'],
    ],
    'server/kernel/names/subject.ts': [["Take the user's own id, like user.id", 'messages/newcomers']],
    'server/kernel/visitors/disagreements.ts': [
      ['identify names a user in the requests of a browser and none in its handshakes', 'messages/attach'],
      ['identify did not name the user of a cookie that cookieFor({ userId }) made', 'messages/untimely'],
    ],
    'server/kernel/connections/authentication.ts': [
      ['a middleware did not call next(), so the socket was refused', 'integration/identity'],
    ],
    'server/kernel/visitors/returns.ts': [['identify named two users in turn for one browser', 'integration/tenants']],
    'server/kernel/connections/socket.ts': [
      ['socket.liveSession was read before live.attach(io) let the socket in', 'server/mistakes'],
    ],
    'server/kernel/requests/cross-origin.ts': [['so browsers send no cookie that is', 'integration/another-origin']],
    'server/kernel/connections/attach.ts': [['may not read what socket.io answers', 'integration/another-origin']],
    'server/parts/rooms/part.ts': [['room(key): expected a field with rooms: true, received', 'integration/rooms']],
    'server/parts/rooms/room-names.ts': [
      ['expected a number, boolean, text or null, received', 'integration/rooms'],
      ['an object or a list has no room. Only numbers, booleans, texts and null do', 'integration/rooms'],
    ],
    'server/parts/inspector/admission.ts': [
      ['inspector: open its address with', 'threats/inspector'],
      ['authorize: expected a function', 'integration/inspector'],
      ['NODE_ENV is production', 'threats/inspector'],
    ],
    'server/parts/inspector/inspector.ts': [['inspector: 403: ', 'threats/inspector']],
    'server/kernel/requests/body.ts': [['was read before live.middleware() ran: expected it in', 'messages/newcomers']],
    'server/kernel/requests/request.ts': [
      ['was set before identify(), as a guest', 'messages/untimely'],
      ['embed() was called twice for one response', 'messages/untimely'],
    ],
    'server/kernel/requests/origin.ts': [['this server thinks it is', 'threats/origins']],
    'server/kernel/requests/lateness.ts': [
      ['values were used after the headers had gone out', 'messages/untimely'],
      [' after the headers had gone out: ', 'threats/late-answers'],
    ],
    'server/kernel/requests/cache-control.ts': [
      ['expected nothing that lets shared caches keep an answer', 'threats/responses'],
    ],
    'server/kernel/cookie/cookie.ts': [
      ['a live cookie is signed with none of the secrets of this process', 'threats/secrets'],
      ['a response head with the live cookie has more than 4,000 bytes', 'threats/response-heads'],
    ],
    'server/kernel/requests/visit.ts': [
      ['but this server thinks that the request came over http. Behind a proxy set app.proxy', 'threats/addresses'],
    ],
    'server/parts/flash/message.ts': [["flash: for: expected 'any' or 'next'", 'integration/flash-next']],
    'server/parts/address/part.ts': [['=... which does not set', 'threats/addresses']],
    'server/kernel/memory/announcements.ts': [['listeners answer each change with another one', 'integration/socket']],
    'server/parts/hand-off/hand-offs.ts': [['expected a purpose', 'integration/hand-offs']],
    'server/parts/hand-off/posted-token.ts': [
      ['was read already: expected it in ctx.request.body', 'integration/hand-offs'],
      ['expected a Standard Schema', 'integration/hand-offs'],
    ],
    'server/parts/session-store/part.ts': [
      ['identify() has signed a user in, and ctx.session goes on', 'threats/app-sessions'],
      ['expected sessions in live.sessionStore(), received none', 'integration/devices'],
      ['sessionStore({ maxLifetime })', 'threats/devices'],
    ],
    'server/parts/session-store/app-sessions.ts': [
      ['live.sessionStore() has let go of sessions of guests', 'threats/one-bound'],
    ],
    'server/parts/session-store/session-store.ts': [
      ['expected a new id', 'docs/comparison'],
      ['expected the ctx of the request, received none', 'messages/untimely'],
    ],
  },
  'a store, and other processes': {
    'server/stores/redis.ts': [
      ['expected a Redis client. Pass createClient(...) of node-redis', 'messages/untimely'],
      ['koa-live-session: redisStore: \u2026: expected \u2026, received', 'server/stores/redis-clients'],
    ],
    'server/stores/redis-commands.ts': [
      ['expected texts from the client. Pass one that maps no types', 'server/stores/redis-clients'],
      ['fromIoredis: expected no keyPrefix, received', 'server/stores/redis-clients'],
    ],
    'server/stores/sql/engines.ts': [
      ['expected a Kysely of SQLite, PostgreSQL, MariaDB or MySQL', 'server/stores/sql-setup'],
    ],
    'server/stores/sql/table.ts': [['table: expected a name like', 'messages/untimely']],
    'server/stores/sql/row.ts': [
      [': expected a text', 'server/stores/sql-store'],
      ['stamp: expected a whole number', 'server/stores/sql-store'],
    ],
    'server/kernel/remote/rows.ts': [['store: expected a list of registers', 'server/stores/rows']],
    'server/kernel/remote/loads.ts': [
      ['Give socket.io an adapter, which tells all processes at once', 'messages/newcomers'],
    ],
    'server/kernel/remote/sound-store.ts': [['the store has a row that is no register', 'threats/stored-stamps']],
    'server/kernel/remote/nodes.ts': [
      ['ignored a malformed', 'integration/nodes'],
      ['message of another app, whose secrets this process does not have', 'threats/nodes'],
    ],
  },
  'the page': {
    'client/inside.ts': [['expected a client of createLiveSession()', 'client/parts']],
    'client/development/advice.ts': [
      ['before the first values: put ctx.liveSession.embed() into the page', 'integration/client'],
      ['what computes a value must change nothing', 'integration/client-updates'],
      // Of a refusal: what its code means.
      ['koa-live-session: \u2026: \u2026', 'client/advice'],
    ],
    'client/development/live-session.ts': [
      ["} from 'koa-live-session/client'", 'client/parts'],
      ['expected { socket: io() }, received the socket itself', 'client/warning'],
      ['createLiveSession: \u2026: ', 'client/warning'],
      ['createLiveSession was called again in this page', 'client/warning'],
      ['the page has several scripts of embed(), and begins with none of them', 'client/warning'],
    ],
    'client/development/mistyped.ts': [['the page knows no value and no default of this key.', 'client/warning']],
    'client/development/warning.ts': [
      ['changes are shown but not saved.', 'integration/client-endpoint'],
      ['is of another origin, and gets no cookie. Pass', 'client/warning'],
      ['the socket was refused', 'client/warning'],
      ['the server does not answer over the socket', 'client/warning'],
    ],
    'client/react.ts': [['no <LiveSessionProvider live={live}> above this component', 'client/react']],
    'client/vue.ts': [['no app.use(liveSessionPlugin(live))', 'client/vue']],
  },
  'a test of the app': {
    'testing/cookie-for.ts': [
      ['browserId: expected 22 to 64 characters of base64url', 'messages/untimely'],
      ['is not in the cookie. ', 'integration/request'],
    ],
    'testing/node-only.ts': [[': expected Node', 'testing/entry']],
    'testing/contract/rule.ts': [['expected create to answer with a store, received', 'messages/untimely']],
  },
}

/** No app can see them: they are there for those who change the package. */
const INTERNAL: readonly string[] = ['no key to sign with', 'expected a stamp, a safe integer of 1 or more']

const HOLE = '\u2026'
const ROWS = Object.entries(TABLE).flatMap(([when, files]) =>
  Object.entries(files).flatMap(([file, rows]) => rows.map(([words, test]) => ({ when, file, words, test }))),
)

/** A file as text, what stands on several lines as on one. */
function textOf(file: string): string {
  return readFileSync(file, 'utf8')
    .replace(/['`]\s*\+\s*['`]/g, '')
    .replaceAll("\\'", "'")
}

describe('each mistake that is told', () => {
  const told = messagesInSource()

  it.each(ROWS)('in $when is made by a test: $words', ({ file, words, test }) => {
    expect(told).toContainEqual({ file, text: expect.stringContaining(words) })
    const made = textOf(`test/${test}.test.${test === 'client/react' ? 'tsx' : 'ts'}`)
    for (const part of words.split(HOLE)) expect(made).toContain(part)
  })

  it('is in this table', () => {
    const unlisted = told.filter(({ file, text }) => {
      const isListed = ROWS.some((row) => row.file === file && text.includes(row.words))
      return !isListed && !INTERNAL.some((words) => text.includes(words))
    })
    expect(unlisted).toEqual([])
  })
})
