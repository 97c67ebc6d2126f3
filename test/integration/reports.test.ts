import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { App } from '../support/app/app.js'
import { turn } from '../support/app/within.js'

const FAILED = { message: 'handshake failed' }

const logged: unknown[] = []
beforeEach(() => {
  logged.length = 0
  jest.spyOn(console, 'error').mockImplementation((...args: unknown[]) => void logged.push(...args))
})
afterEach(() => void jest.restoreAllMocks())

/** An app whose `identify` fails in handshakes. */
function failing(thrown: unknown): Promise<App> {
  const identify = (ctx: Koa.Context): undefined => {
    if (ctx.path.startsWith('/socket.io')) throw thrown
  }
  return App.start({ options: { identify } as never })
}

/** The app's own error listener instead of the one that the tests have. */
function listen(app: App, listener: (error: Error, ctx: Koa.Context) => void): void {
  app.koa.removeAllListeners('error')
  app.koa.on('error', listener)
}

describe('an error of the app\u2019s own in a handshake', () => {
  it('goes to its error listener with the context', async () => {
    const app = await failing(new Error('the user database is away'))
    const told: string[] = []
    listen(app, (error, ctx) => told.push(`${ctx.path}: ${error.message}`))
    await expect(app.visitor().connect()).rejects.toMatchObject(FAILED)
    expect(told).toEqual(['/socket.io/: the user database is away'])
  })

  it('is told once, however many namespaces the connection joins', async () => {
    const app = await failing(new Error('the user database is away'))
    app.io.of('/admin')
    const page = await app.visitor().open()
    const [socket, admin] = [page.socket, page.socket.io.socket('/admin')]
    await Promise.all([socket, admin.connect()].map((each) => once(each as never, 'connect_error')))
    expect(app.errors).toHaveLength(1)
  })

  it.each([
    ['an object', { status: 401 }],
    ['a text', 'nope'],
    ['undefined', undefined],
    ['what has no text', Object.create(null)],
  ])('may be no Error, where Koa has its own listener: %s', async (_, thrown) => {
    const app = await failing(thrown)
    listen(app, app.koa.onerror)
    app.koa.silent = false
    await expect(app.visitor().connect()).rejects.toMatchObject(FAILED)
    expect(logged.join()).toContain('expected an Error')
  })

  it('that is no Error is the cause of one', async () => {
    const thrown = { status: 401 }
    const app = await failing(thrown)
    await expect(app.visitor().connect()).rejects.toMatchObject(FAILED)
    expect(app.errors).toMatchObject([{ message: expect.stringContaining('{ status: 401 }'), cause: thrown }])
  })

  it('goes to console.error with what its error listener threw', async () => {
    const [away, full] = [new Error('the user database is away'), new Error('the disk is full')]
    const app = await failing(away)
    listen(app, () => {
      throw full
    })
    await expect(app.visitor().connect()).rejects.toMatchObject(FAILED)
    expect(logged).toEqual([away, full])
  })
})

describe('a write that no code awaits', () => {
  const start = (write: (ctx: Koa.Context) => void, options: object = {}): Promise<App> =>
    App.start({
      options,
      routes: (ctx) => {
        write(ctx)
        ctx.body = ''
      },
    })

  it('may throw what is no Error, where Koa has its own listener', async () => {
    const app = await start((ctx) => {
      void ctx.liveSession.update('division', () => {
        throw 'nope'
      })
    })
    listen(app, app.koa.onerror)
    app.koa.silent = false
    await app.visitor().fetch('/')
    await turn()
    expect(logged.join()).toContain("expected an Error, received 'nope'")
  })

  it('goes to an error listener with the context', async () => {
    const app = await start((ctx) => {
      void ctx.liveSession.update('division', () => {
        throw new Error('no figures')
      })
    })
    const told: string[] = []
    listen(app, (error, ctx) => told.push(`${ctx.path}: ${error.message}`))
    await app.visitor().fetch('/figures')
    await turn()
    expect(told).toEqual(['/figures: no figures'])
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('the disk is full')
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('the disk is full')
      },
    ],
  ])('goes to console.error where onError %s', async (_, onError) => {
    const app = await start((ctx) => void ctx.liveSession.set('division', 'no number' as never), { onError })
    await app.visitor().fetch('/')
    await turn()
    expect(logged).toMatchObject([{ code: 'invalid_value' }, { message: 'the disk is full' }])
  })
})
