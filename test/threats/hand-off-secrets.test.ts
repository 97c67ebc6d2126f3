import { inspect } from 'node:util'
import { afterEach, expect, it, jest } from '@jest/globals'
import { memoryStore } from 'koa-live-session/testing'
import { z } from 'zod'
import { App } from '../support/app/app.js'
import { bring, open, told } from '../support/app/hand-offs.js'
import { present } from '../support/app/present.js'

const CANARY = 'canary-of-what-is-handed-off'
const METHODS = ['debug', 'error', 'info', 'log', 'warn'] as const

afterEach(() => {
  jest.restoreAllMocks()
})

/** All that could be said of a thing. */
function show(thing: unknown): string {
  return inspect(thing, { depth: null, showHidden: true, maxStringLength: null })
}

it('threat 23: neither a token nor what it hands off is in any log, error or answer', async () => {
  const store = memoryStore()
  const log: string[] = []
  const refusing = z.object({ text: z.string().refine(() => false, { error: ({ input }) => `refused: ${input}` }) })
  const throwing = { '~standard': { version: 1 as const, vendor: 'own', validate: fail } }
  const schemas = { '/refusing': refusing, '/throwing': throwing }
  const app = await App.start({
    options: { store },
    routes: async (ctx) => {
      const schema = schemas[ctx.path as keyof typeof schemas] ?? z.any()
      ctx.body = (await ctx.liveSession.takeHandOff('note', schema)) === undefined ? 'nothing' : 'something'
    },
  })
  for (const method of METHODS)
    jest.spyOn(console, method).mockImplementation((...args: unknown[]) => void log.push(args.map(show).join(' ')))
  const late: ((to: string) => void)[] = []
  app.io.on('connection', (socket) => {
    log.push(show(socket.liveSession))
    late.push((to) => void socket.liveSession.handOff('note', { text: CANARY }, { to }))
    socket.on('go', () => present(late[0])('/'))
    socket.on('wrong', () => void socket.liveSession.handOff('note', { text: CANARY, at: Number.NaN }, { to: '/' }))
    socket.on('long', () => void socket.liveSession.handOff('note', CANARY.repeat(1000), { to: '/' }))
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
  for (const secret of [CANARY, token, ...token.split('.').slice(2, 4)])
    expect(said.filter((text) => text.includes(secret))).toEqual([])
})

function fail(): never {
  throw new Error('the schema failed')
}
