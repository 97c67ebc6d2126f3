import { describe, expect, it } from '@jest/globals'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import * as v from 'valibot'
import { z } from 'zod'
import { App } from '../support/app/app.js'

/** As far as it differs from ours, it is no other. */
function koa2(): Koa {
  const app = new Koa({ keys: [SECRET] })
  Object.assign(app.response, { back: undefined })
  return app
}

const SECRET = 'a secret of at least thirty-two bytes'
const division = { schema: z.number(), default: -1 }
const declare = (fields: object) => () => defineFields(fields as never)
const start = (options?: unknown, app: object = new Koa({ keys: [SECRET] })) => {
  return () => liveSession(app as never, options as never)
}

describe('a mistake in the declaration', () => {
  it.each<[string, object, string]>([
    [
      'a bare schema',
      { division: z.number() },
      'fields.division: expected { schema, default, ... }, received a schema. Write division: { schema, default }',
    ],
    [
      'a bare schema of valibot',
      { division: v.number() },
      'fields.division: expected { schema, default, ... }, received a schema. Write division: { schema, default }',
    ],
    [
      'an async schema',
      { division: { schema: z.number().refine(async () => true), default: -1 } },
      'fields.division.schema: expected a synchronous schema, received one that answers with a promise',
    ],
    [
      'an async schema of valibot',
      {
        division: {
          schema: v.pipeAsync(
            v.number(),
            v.checkAsync(async () => true),
          ),
          default: -1,
        },
      },
      'fields.division.schema: expected a synchronous schema, received one that answers with a promise',
    ],
    ...['constructor', 'prototype', 'toJSON'].map((key): [string, object, string] => [
      `the key ${key}`,
      { [key]: division },
      `fields.${key}: expected another key: constructor, prototype, toJSON mean something to JavaScript itself`,
    ]),
    [
      'a URL for a value of a tab',
      { division: { ...division, client: 'write', scope: 'tab', url: 'division' } },
      'fields.division.url: expected none where scope is \'tab\': the tab itself keeps the value, in no cookie and no URL, and it ends at a sign-in, received "division"',
    ],
  ])('is told with the field, as %s', (_, fields, message) => {
    expect(declare(fields)).toThrow(`koa-live-session: ${message}`)
  })
})

describe('a mistake at the start of the plugin', () => {
  it.each<[string, () => unknown, string]>([
    [
      'without options',
      start(),
      'liveSession(app, options): expected { fields }, received undefined. Pass what defineFields returned',
    ],
    [
      'with null for options',
      start(null),
      'liveSession(app, options): expected { fields }, received null. Pass what defineFields returned',
    ],
    ['without fields', start({}), 'fields: expected what defineFields returned, received undefined'],
    ['with the fields for options', start(defineFields({ division })), 'division: no such option (known: fields,'],
    [
      'with an app of Koa 2',
      start({ fields: {} }, koa2()),
      'liveSession(app): expected an app of Koa 3, received one of Koa 2',
    ],
  ])('is told, %s', (_, act, message) => {
    expect(act).toThrow(`koa-live-session: ${message}`)
  })
})

describe('a mistake in the use of the plugin', () => {
  const app404: Koa.Middleware = (ctx) => {
    ctx.body = String(ctx.liveSession.get('division'))
  }

  it('is told once where requests pass the middleware twice, and the first goes on', async () => {
    const app: App = await App.start({
      routes: async (ctx) => {
        await ctx.liveSession.set('division', 3)
        await app.live.middleware()(ctx, async () => app404(ctx, async () => undefined))
      },
    })
    for (const visitor of [app.visitor(), app.visitor()]) expect(await visitor.text('/')).toBe('3')
    expect(app.warnings.filter((warning) => warning.includes('middleware()'))).toEqual([
      'koa-live-session: a request passed live.middleware() twice, and the second did nothing: expected ' +
        'app.use(live.middleware()) once, after your auth and before your routes',
    ])
  })

  it('is not told where each of two ways has the middleware once', async () => {
    const app = await App.start({ routes: app404 })
    const second = app.live.middleware()
    expect(second).toBeInstanceOf(Function)
    await app.visitor().text('/')
    expect(app.warnings.filter((warning) => warning.includes('middleware()'))).toEqual([])
  })

  it('is told where a socket has no live session, as attach was not called', async () => {
    const app = await App.start({ isAttached: false })
    const told = new Promise((resolve) => {
      app.io.on('connection', (socket) => {
        try {
          resolve(socket.liveSession)
        } catch (error) {
          resolve(error)
        }
      })
    })
    await app.visitor().connect()
    expect(await told).toEqual(
      new TypeError(
        'koa-live-session: socket.liveSession was read before live.attach(io) let the socket in: ' +
          'call live.attach(io) once, before your own io.use and io.on',
      ),
    )
  })

  it('is told where it is read in an io.use from before attach, and only there', async () => {
    const app = await App.start({ isAttached: false })
    const told: unknown[] = []
    const read: Parameters<typeof app.io.use>[0] = (socket, next) => {
      try {
        told.push(socket.liveSession.get('division'))
      } catch (error) {
        told.push(String(error))
      }
      next()
    }
    app.io.use(read)
    app.live.attach(app.io)
    app.io.use(read)
    await app.visitor().connect()
    expect(told).toEqual([expect.stringContaining('socket.liveSession was read before live.attach(io)'), -1])
  })
})

describe('a value that does not fit', () => {
  it('is refused with what can be done today', async () => {
    const told: string[] = []
    const app = await App.start({
      routes: async (ctx) => {
        await ctx.liveSession.set('cart', ['x'.repeat(5000)]).catch((error: Error) => told.push(error.message))
        ctx.body = ''
      },
    })
    await app.visitor().fetch('/')
    expect(told).toEqual([
      expect.stringMatching(
        /^koa-live-session: too_large: "cart" needs 6,\d+ bytes of the [\d,]+ it may take in the cookie\. Raise its maxBytes, or set cookie: false, which keeps it in memory only\.$/,
      ),
    ])
  })
})
