import { afterEach, beforeEach, expect, it, jest } from '@jest/globals'
import Router from '@koa/router'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { addInspector, inspectorFor } from '../../example/server/inspector.js'

const { NODE_ENV } = process.env
// It tells the log what opens it.
beforeEach(() => void jest.spyOn(console, 'warn').mockImplementation(() => undefined))
afterEach(() => {
  if (NODE_ENV === undefined) delete process.env['NODE_ENV']
  else process.env['NODE_ENV'] = NODE_ENV
})

it.each([
  ['development', true],
  [undefined, true],
  ['production', false],
])(
  'the example, where NODE_ENV is %p, has an inspector and a link to it, for browsers of this machine: %p',
  async (environment, isThere) => {
    if (environment === undefined) delete process.env['NODE_ENV']
    else process.env['NODE_ENV'] = environment
    const router = new Router()
    const app = new Koa({ keys: ['a secret of at least thirty-two bytes'] })
    const log = jest.spyOn(console, 'log').mockImplementation(() => undefined)
    const live = liveSession(app, { fields: defineFields({}) })
    addInspector(router, live, 'http://localhost:3000')
    const [said = ''] = log.mock.calls.flat()
    const path = isThere ? said.replace('Inspector: http://localhost:3000', '') : undefined
    const linkFor = (headers: Record<string, string>, remoteAddress = '127.0.0.1'): string | undefined =>
      inspectorFor(app.createContext({ headers, socket: { remoteAddress } } as never, {} as never) as never)
    expect(router.stack.map(({ path }) => path)).toEqual(isThere ? ['/inspector'] : [])
    expect(path?.startsWith('/inspector?token=') ?? false).toBe(isThere)
    expect(linkFor({ host: 'localhost:3000' })).toBe(path)
    expect(linkFor({ host: 'localhost:3000' }, '::1')).toBe(path)
    expect(linkFor({ host: 'localhost:3000' }, '192.0.2.7')).toBeUndefined()
    expect(linkFor({ host: 'studio.example' })).toBeUndefined()
    expect(linkFor({ host: 'localhost:3000', 'x-forwarded-for': '203.0.113.7' })).toBeUndefined()
    // Other tests of this process ask whether anything hears of refusals.
    await live.close()
  },
)
