import { rmSync } from 'node:fs'
import { basename } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { appFolder, tsc } from '../support/docs/tsc.js'

const FIELDS = `import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
export const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write' },
  theme: { schema: z.enum(['light', 'dark']), default: 'light', client: 'write' },
  plan: { schema: z.string(), default: 'free' },
})
declare module 'koa-live-session/fields' { interface Register { fields: typeof fields } }
`
const SERVER = `import type Koa from 'koa'
import { liveSession, type Store } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { redisStore } from 'koa-live-session/redis'
import type { Server, Socket } from 'socket.io'
import { z } from 'zod'
import { fields } from './fields.js'
declare const app: Koa, io: Server, ctx: Koa.Context, socket: Socket, store: Store | undefined, name: string | undefined
void [liveSession, defineFields, redisStore, z, fields, app, io, ctx, socket, store, name]
`
const PAGE = `import { io } from 'socket.io-client'
import { createLiveSession } from 'koa-live-session/client'
import type {} from './fields.js'
const live = createLiveSession({ socket: io() })
void [live]
`

/** The code, and the first error: the underlined text and part of the message. */
type Mistake = readonly [code: string, underlined: string, said: string]

const ON_SERVER: readonly Mistake[] = [
  ['liveSession(app, { fields, limit: {} })', 'limit', "Did you mean to write 'limits'?"],
  ['liveSession(app, { fields, cache: { maxIdel: 1 } })', 'maxIdel', "Did you mean to write 'maxIdle'?"],
  ['liveSession(app, { fields, store: {} })', 'store', 'missing the following properties'],
  ['liveSession(app, {})', '{}', "Property 'fields' is missing"],
  ['liveSession(app, { fields: { division: z.number() } })', 'division', "Property 'schema' is missing"],
  ['liveSession(app, { fields, identify: () => ({ id: 1 }) })', 'identify', "'Awaitable<UserId | null | undefined>'"],
  ["liveSession(app, { fields, maxAge: '31 days' })", 'maxAge', `'number | "session" | undefined'`],
  ["liveSession(app, { fields, onLogin: 'latest' })", 'onLogin', '"account" | "drop" | "newest"'],
  [
    'liveSession(app, { fields, consent: async () => true })',
    'consent',
    "'Promise<boolean>' is not assignable to type 'boolean'",
  ],
  ['liveSession(app, { fields, store: redisStore({}) })', '{}', "type 'RedisLike': isOpen, sendCommand"],
  [
    'liveSession(app, { fields, identify: () => 1 }).attach(io)',
    'io',
    'identify is set, so handshake is needed: attach(io, { handshake: [sessions] })',
  ],
  [
    'liveSession(app, { fields, identify: () => 1 }).attach(io, { handshakes: [] })',
    'handshakes',
    "Did you mean to write 'handshake'?",
  ],
  [
    'liveSession(app, { fields }).inspector({ authorise: () => true })',
    'authorise',
    "Did you mean to write 'authorize'?",
  ],
  ["ctx.liveSession.get('divisoin')", "'divisoin'", '"division" | "plan" | "theme"'],
  ["ctx.liveSession.set('theme', 'drak')", "'drak'", '"dark" | "light"'],
  ["socket.liveSession.update('division', async (division) => division + 1)", 'division + 1', "'Promise<number>'"],
  ['defineFields({ division: { schema: z.number() } })', 'division', "Property 'default' is missing"],
  ["defineFields({ division: { schema: z.number(), default: '1' } })", 'default', 'koa-live-session: default must be'],
  [
    "defineFields({ division: { schema: z.number(), default: 1, clients: 'write' } })",
    'clients',
    'koa-live-session: no such option of a field',
  ],
  [
    'defineFields({ seen: { schema: z.date(), default: new Date() } })',
    'schema',
    'koa-live-session: the schema must produce JSON',
  ],
]
const IN_PAGE: readonly Mistake[] = [
  ['createLiveSession(io())', 'io()', "has no properties in common with type 'LiveSessionClientOptions"],
  ['createLiveSession({ sockets: io() })', 'sockets', "Did you mean to write 'socket'?"],
  ["live.set('plan', 'paid')", "'plan'", '"division" | "theme"'],
  ["live.set('division', '3')", "'3'", "not assignable to parameter of type 'number'"],
]

/** Correct: an undefined option counts as omitted, even with `exactOptionalPropertyTypes`. */
const UNDEFINED = `${SERVER}void liveSession(app, { fields, identify: () => 'a', store, domain: name, limits: { changesPerSocket: undefined } })
`

const written = (head: string, mistakes: readonly Mistake[], name: string): Readonly<Record<string, string>> =>
  Object.fromEntries(mistakes.map(([code], index) => [`${name}-${index}.ts`, `${head}void ${code}\n`]))

let folder: string
/** By file: the code from the first error on, and the message. */
const first = new Map<string, readonly [from: string, said: string]>()

beforeAll(() => {
  const wrong = { ...written(SERVER, ON_SERVER, 'server'), ...written(PAGE, IN_PAGE, 'page') }
  const files = { 'fields.ts': FIELDS, 'undefined.ts': UNDEFINED, ...wrong }
  const settings = { extends: '../../tsconfig.json', compilerOptions: { noEmit: true }, include: ['.'] }
  folder = appFolder({ ...files, 'tsconfig.json': JSON.stringify(settings) })
  const problems = tsc('-p', folder)
    .join('\n')
    .split(/\n(?=\S)/)
  for (const problem of problems) {
    const [, path = '', line, column, said = ''] = /^(\S+)\((\d+),(\d+)\): error TS\d+: (.*)$/s.exec(problem) ?? []
    const file = basename(path)
    const text = new Map(Object.entries(files)).get(file)?.split('\n')[Number(line) - 1] ?? ''
    if (!first.has(file)) first.set(file, [text.slice(Number(column) - 1), said])
  }
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the first compiler error explains', () => {
  const rows = (mistakes: readonly Mistake[], name: string): (readonly [...Mistake, file: string])[] =>
    mistakes.map((mistake, index) => [...mistake, `${name}-${index}.ts`])

  it.each([...rows(ON_SERVER, 'server'), ...rows(IN_PAGE, 'page')])('%s', (_, underlined, said, file) => {
    const [from, message] = first.get(file) ?? ['', 'no error']
    expect(message).toContain(said)
    expect(from.slice(0, underlined.length)).toBe(underlined)
    expect(message).not.toContain("'never'")
    expect(message).not.toContain('No overload matches')
  })

  it('nothing in correct code', () => {
    expect([...first.keys()].filter((file) => !/^(server|page)-\d+\.ts$/.test(file))).toEqual([])
  })
})
