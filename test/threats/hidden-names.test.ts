import { inspect } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { LiveSessionError, type SocketSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { App } from '../support/app.js'

const fields = defineFields({
  creditRisk: { schema: z.string().max(20), default: '', client: 'hidden', maxBytes: 200 },
  fraudFlags: { schema: z.array(z.string()), default: [], client: 'hidden', scope: 'browser' },
  role: { schema: z.string(), default: 'guest' },
  division: { schema: z.number(), default: -1, client: 'write' },
})
const NAMES = /creditRisk|fraudFlags/

const refusals: [string, (ctx: Koa.Context, app: App<typeof fields>) => unknown][] = [
  ['a value that its schema refuses', (ctx) => ctx.liveSession.set('creditRisk', 'x'.repeat(21))],
  ['a value that is no JSON', (ctx) => ctx.liveSession.set('creditRisk', new Date() as never)],
  ['a value that is too large', (ctx) => ctx.liveSession.set('fraudFlags', ['x'.repeat(50_000)])],
  ['several values', (ctx) => ctx.liveSession.setMany({ role: 'admin', creditRisk: 5 as never })],
  ['an update', (ctx) => ctx.liveSession.update('creditRisk', () => 5 as never)],
  ['a misspelt name', (ctx) => ctx.liveSession.set('creditRisc' as never, 'x')],
  ['an update of an unknown user', async (_, app) => (await app.live.user('ann')).update('creditRisk', () => 'x')],
  [
    'a field of browsers for a user',
    async (_, app) => (await app.live.user('ann')).set('fraudFlags' as never, [] as never),
  ],
]

describe('threat 47: the name of a hidden field', () => {
  it.each(refusals)('is in no answer to %s that the app’s own code set', async (_, act) => {
    const caught: unknown[] = []
    const routes: Koa.Middleware = async (ctx) => {
      try {
        await act(ctx, app)
      } catch (error) {
        caught.push(error)
        if (ctx.path === '/json') ctx.body = { error, text: String(error) }
        else throw error
      }
    }
    const app: App<typeof fields> = await App.start<typeof fields>({ fields, routes })
    const visitor = app.visitor()
    const [plain, json] = [await visitor.fetch('/'), await visitor.fetch('/json')]
    expect([plain.status >= 400, plain.status < 500, json.status]).toEqual([true, true, 200])
    expect(await plain.text()).toContain('koa-live-session: ')
    expect(caught).toHaveLength(2)
    for (const answer of [await (await visitor.fetch('/')).text(), await (await visitor.fetch('/json')).text()])
      expect(answer).not.toMatch(NAMES)
  })

  it.each([
    ['its schema refuses', 'x'.repeat(21), /set\("creditRisk"\): not a valid value/],
    ['is too large', 'x'.repeat(900), /"creditRisk" needs [\d,]+ bytes of the 200 it may take/],
  ])('is in the cause of a refusal, for the log, where a value %s', async (_, value, told) => {
    const app = await App.start<typeof fields>({
      fields,
      routes: async (ctx) => {
        void ctx.liveSession.set('creditRisk', value)
        ctx.body = ''
      },
    })
    await app.visitor().fetch('/')
    await new Promise((resolve) => setImmediate(resolve))
    expect(app.errors).toHaveLength(1)
    expect(inspect(app.errors)).toMatch(told)
    expect(inspect(app.errors)).not.toContain(value)
  })

  it.each([
    ['set', ['creditRisk', -1, '', 'x'], ['creditRisks', -1, '', 'x']],
    ['set to what its schema refuses', ['creditRisk', -1, '', 5], ['creditRisks', -1, '', 5]],
    ['deleted', ['fraudFlags', -1, ''], ['fraudFlagss', -1, '']],
    ['set again', ['fraudFlags', 5, '', []], ['fraudFlagss', 5, '', []]],
    ['computed', ['fraudFlags', 0, 'id', []], ['fraudFlagss', 0, 'id', []]],
  ])('is not to be told from one that is not declared, where a browser has it %s', async (_, hidden, undeclared) => {
    const app = await App.start<typeof fields>({ fields })
    const visitor = app.visitor()
    await visitor.store()
    const { io } = await visitor.connect()
    const ask = async (change: readonly unknown[]): Promise<unknown> => {
      const answer = await visitor.store({ set: [change] })
      const said = [answer.status, await answer.json(), await io.emitWithAck('live_session:sync', { set: [change] })]
      expect(said).toMatchObject([
        200,
        { results: [{ code: 'undeclared_key' }] },
        { results: [{ code: 'undeclared_key' }] },
      ])
      return JSON.stringify(said).replaceAll(String(change[0]), 'KEY')
    }
    expect(await ask(hidden)).toBe(await ask(undeclared))
  })

  it('is not missed where there is no other: an unknown key is refused with its code', async () => {
    const hidden = defineFields({ creditRisk: { schema: z.string(), default: '', client: 'hidden' } })
    const app = await App.start<typeof hidden>({
      fields: hidden,
      routes: async (ctx) => {
        await ctx.liveSession.set('nope' as never, 'x' as never)
      },
    })
    const answer = await app.visitor().fetch('/')
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('set("nope"): not declared')])
  })
})

describe('threat 69: a key that a page chose, which a handler reads', () => {
  /** What handlers answer with that read any key in this way. */
  async function read(act: (session: SocketSession<typeof fields>, key: never) => unknown, keys: readonly unknown[]) {
    const app = await App.start<typeof fields>({
      fields,
      routes: (ctx) => {
        ctx.body = String(act(ctx.liveSession as never, ctx.query['key'] as never))
      },
    })
    app.io.on('connection', (socket) => {
      socket.on('read', (key, done) => {
        try {
          done(act(socket.liveSession as never, key as never))
        } catch (error) {
          done([error instanceof LiveSessionError, JSON.stringify(error), String(error)])
        }
      })
    })
    const visitor = app.visitor()
    const { io } = await visitor.connect()
    const answers: unknown[] = []
    for (const key of keys) answers.push(await io.emitWithAck('read', key))
    const answer = await visitor.fetch(`/?key=${encodeURIComponent(String(keys[0]))}`)
    return { app, answers, status: answer.status, text: await answer.text() }
  }

  it.each<[string, Parameters<typeof read>[0]]>([
    ['get', (session, key) => session.get(key)],
    ['has', (session, key) => session.has(key)],
    ['subscribe', (session, key) => session.subscribe?.(key, () => undefined) ?? session.get(key)],
  ])('is refused with a code, and without the name of a hidden field, by %s', async (_, act) => {
    const keys = ['creditRisc', 'fraudFlag', '__proto__', 'x'.repeat(70_000), null, 5, ['division'], { toString: 1 }]
    const { answers, status, text } = await read(act, keys)
    expect(answers).toHaveLength(keys.length)
    for (const answer of answers) {
      expect(answer).toEqual([true, expect.stringContaining('undeclared_key'), expect.stringMatching(/^.{30,300}$/)])
      expect(String(answer)).not.toMatch(NAMES)
    }
    expect([status, text]).toEqual([
      400,
      expect.stringContaining('("creditRisc"): not declared. Declared: role, division.'),
    ])
  })

  it('is told to the log with the name that is likely meant', async () => {
    const { app } = await read((session, key) => session.get(key), ['creditRisc'])
    expect(app.warnings.at(-1)).toMatch(/get\("creditRisc"\): not declared\. Declared: .* Did you mean "creditRisk"\?$/)
  })
})
