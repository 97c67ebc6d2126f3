import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import type Koa from 'koa'
import { App } from '../support/app/app.js'
import { once } from '../support/app/awaited.js'
import { turn, turns } from '../support/app/within.js'

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

/** Replaces the tests' error listener. */
function listen(app: App, listener: (error: Error, ctx: Koa.Context) => void): void {
  app.koa.removeAllListeners('error')
  app.koa.on('error', listener)
}

describe('an error in a handshake', () => {
  it("reaches the app's error listener with its context", async () => {
    const app = await failing(new Error('the user database is away'))
    const reported: string[] = []
    listen(app, (error, ctx) => reported.push(`${ctx.path}: ${error.message}`))
    await expect(app.visitor().connect()).rejects.toMatchObject(FAILED)
    expect(reported).toEqual(['/socket.io/: the user database is away'])
  })

  it('is reported once for several namespaces', async () => {
    const app = await failing(new Error('the user database is away'))
    app.io.of('/admin')
    const page = await app.visitor().open()
    const [socket, admin] = [page.socket, page.socket.io.socket('/admin')]
    await Promise.all([socket, admin.connect()].map((each) => once(each, 'connect_error')))
    expect(app.errors).toHaveLength(1)
  })

  it.each([
    ['an object', { status: 401 }],
    ['a string', 'nope'],
    ['undefined', undefined],
    ['an object without text', Object.create(null)],
  ])("reaches Koa's own listener as an Error if thrown as %s", async (_, thrown) => {
    const app = await failing(thrown)
    listen(app, app.koa.onerror)
    app.koa.silent = false
    await expect(app.visitor().connect()).rejects.toMatchObject(FAILED)
    expect(logged.join()).toContain('expected an Error')
  })

  it('has the thrown value as its cause if not an Error', async () => {
    const thrown = { status: 401 }
    const app = await failing(thrown)
    await expect(app.visitor().connect()).rejects.toMatchObject(FAILED)
    expect(app.errors).toMatchObject([{ message: expect.stringContaining('{ status: 401 }'), cause: thrown }])
  })

  it('is logged together with an error of the listener', async () => {
    const [away, full] = [new Error('the user database is away'), new Error('the disk is full')]
    const app = await failing(away)
    listen(app, () => {
      throw full
    })
    await expect(app.visitor().connect()).rejects.toMatchObject(FAILED)
    expect(logged).toEqual([away, full])
  })
})

describe('an unawaited write', () => {
  const start = (write: (ctx: Koa.Context) => void, options: object = {}): Promise<App> =>
    App.start({
      options,
      routes: (ctx) => {
        write(ctx)
        ctx.body = ''
      },
    })

  it("reports its error with the request's context", async () => {
    const app = await start((ctx) => {
      void ctx.liveSession.update('division', () => {
        throw new Error('no figures')
      })
    })
    const reported: string[] = []
    listen(app, (error, ctx) => reported.push(`${ctx.path}: ${error.message}`))
    await app.visitor().fetch('/figures')
    await turn()
    expect(reported).toEqual(['/figures: no figures'])
  })

  const full = (): never => {
    throw new Error('the disk is full')
  }

  it.each([
    ['throws', full],
    ['rejects', async () => full()],
  ])('logs both errors if onError %s', async (_, onError) => {
    const app = await start((ctx) => void ctx.liveSession.set('division', 'no number' as never), { onError })
    await app.visitor().fetch('/')
    await turn()
    expect(logged).toMatchObject([{ code: 'invalid_value' }, { message: 'the disk is full' }])
  })
})

describe('an unawaited rejection', () => {
  it('of identify() goes to onError', async () => {
    let asked = 0
    const app = await App.start({
      options: {
        identify: () => {
          asked += 1
          if (asked > 1) throw new Error('the user database is away')
          return undefined
        },
      } as never,
      routes: (ctx) => {
        void ctx.liveSession.identify()
        ctx.body = ''
      },
    })
    await app.visitor().fetch('/')
    await turns(2)
    expect(app.errors).toHaveLength(1)
  })

  it.each(['at once', 'later'])('of a key listener goes to onError, %s', async (when) => {
    const app = await App.start({ options: { identify: () => 'ann' } as never })
    const ann = await app.live.user('ann')
    const values: unknown[] = []
    ann.subscribe('division', (division) => {
      values.push(division)
      const fails = (values.length === 1) === (when === 'at once')
      return (fails ? Promise.reject(new Error('no figures')) : undefined) as never
    })
    await ann.set('division', 3)
    await turns(2)
    expect(values).toEqual([-1, 3])
    expect(app.errors).toEqual([new Error('no figures')])
  })
})
