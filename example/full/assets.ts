import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { fileURLToPath } from 'node:url'
import type Koa from 'koa'

const root = fileURLToPath(new URL('.', import.meta.url))

/** Serves the page's script: in production the output of `vite build`, otherwise the output of Vite's server. */
export async function assets(http: Server): Promise<{ readonly script: string; readonly serve: Koa.Middleware }> {
  if (process.env['NODE_ENV'] === 'production') {
    const script: string = JSON.parse(readFileSync(`${root}dist/.vite/manifest.json`, 'utf8'))['page.ts'].file
    const text = readFileSync(`${root}dist/${script}`, 'utf8')
    const serve: Koa.Middleware = (ctx, next) => {
      if (ctx.path !== `/${script}`) return next()
      ctx.set({ 'Content-Type': 'text/javascript', 'Cache-Control': 'public, max-age=31536000, immutable' })
      ctx.body = text
    }
    return { script, serve }
  }
  const { createServer } = await import('vite')
  const vite = await createServer({ root, appType: 'custom', server: { middlewareMode: true, hmr: { server: http } } })
  const serve: Koa.Middleware = (ctx, next) =>
    new Promise((resolve, reject) => {
      ctx.res.once('close', resolve)
      vite.middlewares(ctx.req, ctx.res, () => void next().then(resolve, reject))
    })
  return { script: 'page.ts', serve }
}
