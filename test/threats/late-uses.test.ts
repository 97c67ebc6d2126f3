import { Readable } from 'node:stream'
import { describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app.js'

type Use = (session: Koa.Context['liveSession']) => unknown

const USES: readonly (readonly [string, Use])[] = [
  ['get', (session) => session.get('division')],
  ['has', (session) => session.has('division')],
  ['inspect', (session) => session.inspect()],
  ['snapshot', (session) => session.snapshot()],
  ['embed', (session) => session.embed()],
  ['visitorId', (session) => session.visitorId],
  ['set', (session) => session.set('division', 1)],
  ['delete', (session) => session.delete('division')],
  ['update', (session) => session.update('division', () => 1)],
  ['flash', (session) => session.flash('late')],
  ['takeFlash', (session) => session.takeFlash()],
  ['identify', (session) => session.identify()],
  ['leave', (session) => session.leave()],
]

/** What a use of the session comes to in a stream whose first bytes are out. */
async function streamed(use: Use, before: Use = () => undefined) {
  const app = await App.start({
    routes: async (ctx) => {
      await before(ctx.liveSession)
      ctx.set('Cache-Control', 'public, max-age=600')
      ctx.body = Readable.from(
        (async function* () {
          yield 'begun;'
          while (!ctx.headerSent) await new Promise(setImmediate)
          try {
            yield `used:${JSON.stringify(await use(ctx.liveSession))}`
          } catch (error) {
            yield `refused:${error}`
          }
        })(),
      )
    },
  })
  const visitor = app.visitor(cookieFor(app.live, { values: { division: 7 } }))
  const response = await visitor.fetch('/')
  return { text: await response.text(), cacheControl: response.headers.get('cache-control') }
}

describe('threat 61: the session in a stream, first used after the headers have gone out', () => {
  it.each(USES)('is refused, and says what to do: %s', async (_, use) => {
    const { text, cacheControl } = await streamed(use)
    expect(text).toContain('begun;refused:TypeError: koa-live-session:')
    expect(text).toContain('after the headers had gone out: a cache may show this visitor')
    expect(text).toContain('before you set ctx.body to a stream')
    expect(text).not.toContain('7')
    expect(cacheControl).toBe('public, max-age=600')
  })

  it.each(['set', 'update', 'delete', 'setMany', 'identify', 'leave'] as const)(
    'rejects, and throws nothing at once, where it is a promise that is asked for: %s',
    async (name) => {
      const { text } = await streamed((session) => {
        const uses = {
          set: () => session.set('division', 1),
          setMany: () => session.setMany({ division: 1 }),
          update: () => session.update('division', () => 1),
          delete: () => session.delete('division'),
          identify: () => session.identify(),
          leave: () => session.leave(),
        }
        return uses[name]().then(
          () => 'done',
          (error: unknown) => `rejected: ${error}`,
        )
      })
      expect(text).toContain('used:"rejected: TypeError: koa-live-session:')
    },
  )

  it('goes on where it was used before, in an answer that no cache between keeps', async () => {
    const { text, cacheControl } = await streamed(
      (session) => session.get('division'),
      (session) => session.get('theme'),
    )
    expect([text, cacheControl]).toEqual(['begun;used:7', 'private, max-age=600'])
  })

  it('shows no message that a cache would show again: takeFlash, where other parts of it were used before', async () => {
    const { text } = await streamed(
      (session) => session.takeFlash(),
      (session) => session.flash('saved'),
    )
    expect(text).toContain(
      'refused:TypeError: koa-live-session: takeFlash was called after the headers had gone out: the back button may',
    )
  })
})
