import { describe, expect, it } from '@jest/globals'
import { App } from '../support/app.js'

const CDN = [
  'CDN-Cache-Control',
  'Surrogate-Control',
  'Cloudflare-CDN-Cache-Control',
  'Edge-Control',
  'X-Accel-Expires',
]

/** An app that lets caches keep everything; a path says what it does with the values of the visitor. */
function start(headers: Readonly<Record<string, string | string[]>>): Promise<App> {
  return App.start({
    routes: async (ctx) => {
      for (const [name, value] of Object.entries(headers)) ctx.set(name, value)
      if (ctx.path === '/read') ctx.liveSession.get('division')
      if (ctx.path === '/set') await ctx.liveSession.set('division', 1)
      if (ctx.path === '/late') {
        ctx.liveSession.get('division')
        ctx.respond = false
        ctx.res.writeHead(200, { 'Cache-Control': 'public, max-age=600' }).end('x')
        return
      }
      ctx.body = 'x'
    },
  })
}

const cacheControl = async (app: App, path: string): Promise<string | null> => {
  return (await app.visitor().fetch(path)).headers.get('cache-control')
}

const told = ({ warnings }: App): string[] => warnings.filter((text) => text.includes('Cache-Control'))

describe('threat 55: an answer that used values, which the app gives to shared caches', () => {
  it.each([
    ['public', 'public, max-age=600', 'private, max-age=600'],
    ['for so long', 's-maxage=600', 'private'],
    ['in two headers', ['public', 'max-age=600'], 'private, max-age=600'],
    ['by an age alone, which lets any cache keep it', 'max-age=600', 'private, max-age=600'],
  ])('goes to the browser\u2019s own alone: %s', async (_, given, expected) => {
    const app = await start({ 'Cache-Control': given })
    expect(await cacheControl(app, '/read')).toBe(expected)
    expect(await cacheControl(app, '/set')).toBe('no-store')
    expect(await cacheControl(app, '/unused')).toBe([given].flat().join(', '))
  })

  it('goes to none, also where the app writes the headers itself', async () => {
    const app = await start({})
    expect(await cacheControl(app, '/late')).toBe('private, max-age=600')
  })

  it('has no header that caches in front of the app go by instead', async () => {
    const app = await start(Object.fromEntries(CDN.map((name) => [name, 'max-age=600'])))
    for (const path of ['/read', '/set']) {
      const { headers } = await app.visitor().fetch(path)
      expect(CDN.map((name) => headers.get(name))).toEqual(CDN.map(() => null))
    }
    const { headers } = await app.visitor().fetch('/unused')
    expect(CDN.map((name) => headers.get(name))).toEqual(CDN.map(() => 'max-age=600'))
  })

  it('is told of in the log, once', async () => {
    const app = await start({ 'Cache-Control': 'public, max-age=600' })
    await app.visitor().fetch('/unused')
    expect(told(app)).toEqual([])
    for (const path of ['/read', '/read', '/set', '/late']) await app.visitor().fetch(path)
    expect(told(app)).toEqual([expect.stringContaining('expected nothing that lets shared caches keep an answer')])
  })

  it('is nothing to tell of where the app says that it is private, or only for how long', async () => {
    for (const given of ['private, max-age=600', 'no-store', 'max-age=600', 'no-cache']) {
      const app = await start({ 'Cache-Control': given })
      await app.visitor().fetch('/read')
      expect(told(app)).toEqual([])
    }
  })
})
