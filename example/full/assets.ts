import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { fileURLToPath } from 'node:url'
import type Koa from 'koa'

const root = fileURLToPath(new URL('.', import.meta.url))

/** The page's files, and the middleware that serves them. */
interface Assets {
  readonly script: string
  readonly style: string
  readonly serve: Koa.Middleware
}

/** Serves the page's script and style: in production the output of `vite build`, otherwise the output of Vite's server. */
export async function assets(http: Server): Promise<Assets> {
  if (process.env['NODE_ENV'] === 'production') {
    const manifest = JSON.parse(readFileSync(`${root}dist/.vite/manifest.json`, 'utf8'))
    const [script, style]: string[] = ['page.ts', 'style.css'].map((name) => manifest[name].file)
    const texts = new Map([script, style].map((file) => [`/${file}`, readFileSync(`${root}dist/${file}`, 'utf8')]))
    const serve: Koa.Middleware = (ctx, next) => {
      const text = texts.get(ctx.path)
      if (text === undefined) return next()
      ctx.type = ctx.path.endsWith('.css') ? 'css' : 'js'
      ctx.set('Cache-Control', 'public, max-age=31536000, immutable')
      ctx.body = text
    }
    return { script: String(script), style: String(style), serve }
  }
  const { createServer } = await import('vite')
  const vite = await createServer({ root, appType: 'custom', server: { middlewareMode: true, hmr: { server: http } } })
  const serve: Koa.Middleware = (ctx, next) =>
    new Promise((resolve, reject) => {
      ctx.res.once('close', resolve)
      vite.middlewares(ctx.req, ctx.res, () => void next().then(resolve, reject))
    })
  return { script: 'page.ts', style: 'style.css', serve }
}
