import { describe, expect, it } from '@jest/globals'
import type { JsonValue } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { RawSocket } from '../support/app/raw-socket.js'

const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write' },
  /** Accepts any JSON, so that refusals are the library's. */
  bag: { schema: z.custom<JsonValue>(() => true), default: null, client: 'write' },
  role: { schema: z.string(), default: 'guest' },
  secret: { schema: z.string(), default: '', client: 'hidden' },
})
const prototype = (): string => JSON.stringify(Reflect.ownKeys(Object.prototype).map(String))

async function start() {
  const app = await App.start<typeof fields>({
    fields,
    routes: (ctx) => {
      const { liveSession } = ctx
      ctx.body = Object.fromEntries(['division', 'bag', 'role', 'secret'].map((key) => [key, liveSession.get(key)]))
    },
  })
  const stamp = app.clock.now()
  const visitor = app.visitor(cookieFor(app.live, { values: { division: 1, bag: 'mine', role: 'user' } }))
  const { cookie } = visitor
  const socket = await RawSocket.enter(app.url, cookie)
  /** Expects unchanged memory and cookie. */
  const isUnchanged = async (): Promise<void> => {
    expect(visitor.cookie).toBe(cookie)
    const answer = await visitor.fetch('/')
    expect(await answer.json()).toEqual({ division: 1, bag: 'mine', role: 'user', secret: '' })
    expect(answer.headers.getSetCookie()).toEqual([])
    await visitor.store({ set: [['division', -1, '', 2]] })
    expect(cookieContent(visitor).r).toEqual([
      ['division', stamp + 1, 2],
      ['bag', stamp, 'mine'],
      ['role', stamp, 'user'],
    ])
    expect(app.errors).toEqual([])
    socket.hangUp()
  }
  return { app, visitor, socket, isUnchanged }
}

describe('threat 10: an undeclared key', () => {
  it.each<[string, unknown, string]>([
    ['another name', 'nope', 'undeclared_key'],
    ['__proto__', '__proto__', 'undeclared_key'],
    ['constructor', 'constructor', 'undeclared_key'],
    ['prototype', 'prototype', 'undeclared_key'],
    ['the register $epoch', '$epoch', 'undeclared_key'],
    ['a method of every object', 'hasOwnProperty', 'undeclared_key'],
    ['an empty key', '', 'undeclared_key'],
    ['other capitals', 'Division', 'undeclared_key'],
    ['a space behind it', 'division ', 'undeclared_key'],
    ['a zero byte behind it', 'division\0', 'undeclared_key'],
    ['a look-alike from Cyrillic', 'divisi\u043en', 'undeclared_key'],
    ['a look-alike from full-width', '\uff44ivision', 'undeclared_key'],
    ['a path', 'division.__proto__', 'undeclared_key'],
    ['10,000 characters', 'x'.repeat(10_000), 'undeclared_key'],
    ['a line break', 'x\r\nSet-Cookie: live=x', 'undeclared_key'],
    ['an array', ['division'], 'malformed'],
    ['an object', { toString: 'division' }, 'malformed'],
    ['null', null, 'malformed'],
    ['a number', 0, 'malformed'],
  ])('fails: %s', async (_, key, code) => {
    const before = prototype()
    const { visitor, socket, isUnchanged } = await start()
    const set = [[key, -1, '', { polluted: true }]]
    const answer = await visitor.store({ set })
    const said = [
      answer.status,
      await answer.json(),
      await socket.ask('live_session:exchange', JSON.stringify({ set })),
    ]
    expect(said).toMatchObject(
      code === 'malformed'
        ? [400, { error: { code, index: 0 } }, { ok: false, code, index: 0 }]
        : [200, { results: [{ code }] }, { results: [{ code }] }],
    )
    await isUnchanged()
    expect(prototype()).toBe(before)
    expect({}).not.toHaveProperty('polluted')
  })

  it.each([
    ['beside the known members', '{"__proto__":{"tickets":[]},"set":[]}'],
    ['instead of the known members', '{"constructor":{"prototype":{"polluted":true}}}'],
    ['in place of the list', '{"set":{"__proto__":{"length":1},"0":["division",-1,"",66]}}'],
    ['in place of a change', '{"set":[{"0":"division","1":-1,"2":"","3":66,"length":4}]}'],
  ])('fails as a member of the body, %s', async (_, body) => {
    const { visitor, isUnchanged } = await start()
    const answer = await visitor.store(body)
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: { code: 'malformed' } }])
    await isUnchanged()
    expect({}).not.toHaveProperty('polluted')
  })
})

describe('threat 11: a field that is not writable', () => {
  it.each<[string, string, readonly unknown[]]>([
    ['set if read-only', 'not_writable', ['role', -1, '', 'admin']],
    ['deleted if read-only', 'not_writable', ['role', -1, '']],
    ['resent if read-only', 'not_writable', ['role', 0, '', 'user']],
    ['updated if read-only', 'not_writable', ['role', 0, 'id', 'admin']],
    ['set if hidden', 'undeclared_key', ['secret', -1, '', 'x']],
    ['deleted if hidden', 'undeclared_key', ['secret', -1, '']],
  ])('cannot be %s', async (_, code, change) => {
    const { visitor, socket, isUnchanged } = await start()
    const set = [change]
    const answer = await visitor.store({ set })
    expect([answer.status, (await answer.json()).results]).toEqual([200, [{ code }]])
    expect(await socket.ask('live_session:exchange', JSON.stringify({ set }))).toMatchObject({ results: [{ code }] })
    await isUnchanged()
  })
})

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
const list = (length: number): string => `[${'1,'.repeat(length - 1)}1]`

describe('threat 13: an unacceptable value', () => {
  it.each([
    ['another type', 'division', '"x"', 'invalid_value'],
    ['a fraction', 'division', '1.5', 'invalid_value'],
    ['null', 'division', 'null', 'invalid_value'],
    ['an unsafe integer', 'division', '9007199254740993', 'invalid_value'],
    ['-0', 'bag', '-0', 'invalid_value'],
    ['infinity', 'bag', '1e999', 'invalid_value'],
    ['a lone high surrogate', 'bag', '"\\ud800"', 'invalid_value'],
    ['surrogates the wrong way round', 'bag', '"\\udc00\\ud800"', 'invalid_value'],
    ['a lone surrogate as a name', 'bag', '{"\\ud800":1}', 'invalid_value'],
    ['__proto__ as a name', 'bag', '{"__proto__":{"polluted":true}}', 'invalid_value'],
    ['__proto__ deep within', 'bag', '{"a":[{"__proto__":1}]}', 'invalid_value'],
    ['33 levels', 'bag', nested(33), 'invalid_value'],
    ['10,000 levels', 'bag', nested(10_000), 'invalid_value'],
    ['10,001 members', 'bag', list(10_001), 'invalid_value'],
    ['more than its share of the cookie', 'bag', `"${'x'.repeat(5000)}"`, 'too_large'],
    ['more than its share, in few characters', 'bag', `"${'\u{1f600}'.repeat(500)}"`, 'too_large'],
  ])('fails: %s', async (_, key, json, code) => {
    const { visitor, socket, isUnchanged } = await start()
    const body = `{"set":[["${key}",-1,"",${json}]]}`
    const answer = await visitor.store(body)
    expect([answer.status, (await answer.json()).results]).toEqual([200, [{ code }]])
    expect(await socket.ask('live_session:exchange', body)).toMatchObject({ results: [{ code }] })
    await isUnchanged()
    expect({}).not.toHaveProperty('polluted')
  })
})

describe('threat 33: an invalid value set without await', () => {
  it('reaches onError from a socket handler', async () => {
    const unhandled: unknown[] = []
    const note = (error: unknown): number => unhandled.push(error)
    process.on('unhandledRejection', note)
    const app = await App.start<typeof fields>({ fields })
    app.io.on('connection', (socket) => {
      socket.on('choose', (values, done) => {
        void socket.liveSession.setMany(values)
        setImmediate(() => setImmediate(done))
      })
    })
    const { io } = await app.visitor().connect()
    for (const values of [{ division: 'x' }, { nope: 1 }, { bag: 'x'.repeat(5000) }, { division: 4 }]) {
      await io.emitWithAck('choose', values)
    }
    process.off('unhandledRejection', note)
    expect(app.errors).toMatchObject([
      { code: 'invalid_value', key: 'division' },
      { code: 'undeclared_key', key: 'nope' },
      { code: 'too_large', key: 'bag' },
    ])
    expect(unhandled).toEqual([])
  })
})
