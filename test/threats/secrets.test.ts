import { inspect } from 'node:util'
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor, memoryStore } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { bring, open, told } from '../support/app/hand-offs.js'
import { present } from '../support/app/present.js'

const KEYS = ['canary-key-that-signs-and-is-long-enough', 'canary-key-that-is-retired-and-long-enough']
const HIDDEN = 'canary-hidden-value'
const PAYLOAD = 'canary-of-what-is-handed-off'

const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write' },
  role: { schema: z.string(), default: 'guest' },
  pin: { schema: z.string().regex(/^\S*$/), default: '', client: 'hidden' },
})

const METHODS = ['debug', 'dir', 'error', 'info', 'log', 'table', 'trace', 'warn'] as const

/** Records the whole log. */
function captureLog(): string[] {
  const lines: string[] = []
  for (const method of METHODS) {
    jest.spyOn(console, method).mockImplementation((...args: unknown[]) => void lines.push(args.map(show).join(' ')))
  }
  return lines
}

/** All that a log could show of a value. */
function show(thing: unknown): string {
  const message = thing instanceof Error ? `${thing.message} ${thing.stack} ${show(thing.cause)}` : ''
  return `${message} ${inspect(thing, { depth: null, showHidden: true, maxStringLength: null })}`
}

/** A secret in plain text and in encodings. */
function forms(secret: string): readonly string[] {
  const bytes = Buffer.from(secret)
  return [secret, bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url'), bytes.toString('hex')]
}

afterEach(() => {
  jest.restoreAllMocks()
})

/** Removes the tickets of a response. */
function besidesTickets(answer: string): string {
  return answer.replaceAll(/"(greeting|ticket)":(\[[^\]]*\]|"[^"]*")/g, '')
}

describe('threat 23: secrets', () => {
  it('appear in no log, error, response or acknowledgement', async () => {
    const app = await App.start({
      fields,
      keys: KEYS,
      options: { identify: (ctx) => (ctx.get('x-user') === '' ? undefined : ctx.get('x-user')) },
      attach: { handshake: [] },
      routes: async (ctx) => {
        const { liveSession } = ctx
        if (ctx.path === '/pin') await liveSession.set('pin', HIDDEN)
        if (ctx.path === '/blank') void liveSession.set('pin', `${HIDDEN} x`)
        if (ctx.path === '/long') await liveSession.set('pin', HIDDEN.repeat(10_000))
        if (ctx.path === '/wrong')
          void liveSession.set('role', { pin: liveSession.get('pin'), at: new Date(0) } as never)
        if (ctx.path === '/undeclared') liveSession.get('pni')
        if (ctx.path === '/update') {
          void liveSession.update('pin', () => {
            throw new Error('the app failed')
          })
        }
        ctx.body = show([liveSession, app.live])
      },
    })
    const log = captureLog()
    const heard: string[] = []
    app.io.on('connection', (socket) => {
      log.push(show(socket.liveSession))
      socket.liveSession.onChange(() => {
        throw new Error('a listener failed')
      })
    })
    const as = (user: string): Record<string, string> => ({ 'x-user': user })
    const ann = app.visitor()
    await ann.fetch('/pin', { headers: as('ann') })
    const socket = await ann.connect('/', as('ann'))
    await socket.change('division', 1)
    const tickets = socket.tickets.map(({ text }) => text)
    const eve = cookieFor(app.live, { values: { division: 66 } })
    const cookies = [...ann.cookie.split('; '), ...eve.split('; ')].map((pair) => pair.replace(/^[^=]*=/, ''))
    const [ticket = ''] = tickets

    const hear = async (answer: Response): Promise<void> => {
      const headers = [...answer.headers].filter(([name]) => name !== 'set-cookie')
      heard.push(`${answer.status} ${JSON.stringify(headers)} ${besidesTickets(await answer.text())}`)
    }
    for (const path of ['/blank', '/long', '/wrong', '/undeclared', '/update', '/pin', '/none']) {
      await hear(await ann.fetch(path, { headers: as('ann') }))
    }
    const forged = `${ticket.slice(0, -2)}AA`
    const acks = [
      await socket.sendTickets(forged),
      await socket.sendTickets(ticket, 1 as never),
      await socket.change('pin', 'guess'),
      await socket.change(ticket, 1),
      await socket.set(['division', 0, '', 5]),
      await socket.io.emitWithAck('live_session:exchange', { pin: 1 }),
      await (await app.visitor().connect('/', as('bob'))).sendTickets(ticket),
    ]
    heard.push(...acks.map((ack) => besidesTickets(JSON.stringify(ack))))
    const posts: [unknown, Record<string, string>][] = [
      [{ tickets: [ticket] }, as('bob')],
      [{ tickets: [forged] }, as('ann')],
      [{ tickets: [`${ticket}.x`, 'x'] }, as('ann')],
      [{ set: [['pin', -1, '', 'guess']] }, as('ann')],
      [{ set: [['pin', -1, '']] }, as('ann')],
      [{ set: [['division', -1, '', 'x']] }, as('ann')],
      [{ set: [[ticket, -1, '', 1]] }, as('ann')],
      [{ who: ticket, set: [['pin', -1, '', 'guess']] }, as('ann')],
      [`{"set":${ticket}`, as('ann')],
      [{ secret: ticket }, as('ann')],
      [{ tickets: ['x'.repeat(70_000)] }, as('ann')],
      [{}, { ...as('ann'), origin: 'http://evil.example' }],
      [{}, { ...as('ann'), cookie: `live=${eve}; live.sig=${eve}` }],
      [{}, as('x'.repeat(300))],
    ]
    for (const [body, headers] of posts) await hear(await app.visitor(ann.cookie).store(body, headers))
    await hear(await ann.fetch('/store_session', { headers: as('ann') }))

    const handshakes: Record<string, string>[] = [
      { ...as('ann'), origin: 'http://evil.example' },
      { cookie: ann.cookie },
      as('x'.repeat(300)),
    ]
    for (const headers of handshakes) {
      const refused: unknown = await app
        .visitor()
        .connect('/', headers)
        .catch((error: unknown) => error)
      heard.push(show(refused instanceof Error ? { ...refused, message: refused.message } : refused))
    }
    await app.live.settled()

    // The search below proves something only if enough requests failed.
    expect(heard.filter((answer) => /^[45]\d\d |^200 .*"code":/.test(answer)).length).toBeGreaterThan(15)
    expect(acks.every((ack) => JSON.stringify(ack).includes('"code":'))).toBe(true)
    expect(app.errors.length).toBeGreaterThan(4)
    expect(log.length).toBeGreaterThan(2)
    const told = [...log, ...heard, ...app.warnings, ...app.errors.map(show)]
    const secrets = [...KEYS, HIDDEN, ...tickets, ...tickets.map((text) => text.split('.')[2] ?? ''), ...cookies]
    for (const secret of secrets) {
      expect(secret.length).toBeGreaterThan(15)
      for (const form of forms(secret)) expect(told.filter((text) => text.includes(form))).toEqual([])
    }
  })

  it.each<[string, object, string[]]>([
    ['a short key', {}, ['canary-short']],
    ['a short key of its own', { keys: ['canary-short'] }, KEYS],
    ['an unknown option', { secret: 'canary-short' }, KEYS],
    ['keys that are not a list', { keys: 'canary-short' }, KEYS],
    ['key in place of keys', { key: 'canary-short, and with a blank' }, KEYS],
  ])('appear in no error at start: %s', (_, options, keys) => {
    const start = (): unknown => liveSession(new Koa({ keys }), { fields, ...options } as never)
    let said = ''
    try {
      start()
    } catch (error) {
      said = show(error)
    }
    expect(said).toContain('koa-live-session: ')
    expect(said.replaceAll(/^ +at .*$/gm, '')).not.toContain('canary')
  })
})

it('threat 23: a hand-off appears in no log, error or response', async () => {
  const store = memoryStore()
  const log = captureLog()
  const refusing = z.object({ text: z.string().refine(() => false, { error: ({ input }) => `refused: ${input}` }) })
  const throwing = {
    '~standard': { version: 1 as const, vendor: 'own', validate: () => Promise.reject(new Error('no')) },
  }
  const schemas = { '/refusing': refusing, '/throwing': throwing }
  const app = await App.start({
    options: { store },
    routes: async (ctx) => {
      const schema = schemas[ctx.path as keyof typeof schemas] ?? z.any()
      ctx.body = (await ctx.liveSession.takeHandOff('note', schema)) === undefined ? 'nothing' : 'something'
    },
  })
  const late: ((to: string) => void)[] = []
  app.io.on('connection', (socket) => {
    log.push(show(socket.liveSession))
    late.push((to) => void socket.liveSession.handOff('note', { text: PAYLOAD }, { to }))
    socket.on('go', () => present(late[0])('/'))
    socket.on('wrong', () => void socket.liveSession.handOff('note', { text: PAYLOAD, at: Number.NaN }, { to: '/' }))
    socket.on('long', () => void socket.liveSession.handOff('note', PAYLOAD.repeat(1000), { to: '/' }))
  })
  const { visitor, socket } = await open(app)
  const next = told(socket)
  for (const event of ['wrong', 'long', 'go']) socket.io.emit(event)
  const token = await next
  const answers: string[] = []
  const hear = async (answer: Response): Promise<void> => {
    answers.push(`${answer.status} ${JSON.stringify([...answer.headers])} ${await answer.text()}`)
  }
  await hear(await bring(visitor, token, { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }, '/'))
  for (const path of ['/refusing', '/throwing']) await hear(await bring(visitor, token, {}, path))
  await hear(await bring(visitor, `${token}${'x'.repeat(70_000)}`, {}, '/'))
  store.fail(1)
  await hear(await bring(visitor, token, {}, '/'))
  socket.io.disconnect()
  await new Promise((resolve) => setImmediate(resolve))
  present(late[0])('//evil.example')
  await new Promise((resolve) => setImmediate(resolve))

  expect(answers.map((text) => text.slice(0, 3))).toEqual(['403', '400', '500', '413', '503'])
  expect(app.errors.length).toBeGreaterThanOrEqual(8)
  const said = [...log, ...answers, ...app.warnings, ...app.errors.map(show)]
  for (const secret of [PAYLOAD, token, ...token.split('.').slice(2, 4)])
    expect(said.filter((text) => text.includes(secret))).toEqual([])
})

describe('a process with other secrets than the former process', () => {
  const start = (keys: string[]) =>
    App.start({
      fields,
      keys,
      routes: (ctx) => {
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
  const warnedBy = async (keys: string[]): Promise<readonly string[]> => {
    const former = await start(KEYS.slice(1))
    const cookie = cookieFor(former.live, { values: { division: 7 } })
    const app = await start(keys)
    for (let i = 0; i < 3; i += 1) await (await fetch(app.url, { headers: { cookie } })).text()
    return app.warnings.filter((line) =>
      line.includes('a live cookie is signed with none of the secrets of this process'),
    )
  }

  it('warns once for several requests', async () => {
    expect(await warnedBy(KEYS.slice(0, 1))).toHaveLength(1)
  })

  it('does not warn if it keeps the former secret as retired', async () => {
    expect(await warnedBy(KEYS)).toEqual([])
  })
})
