import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type Koa from 'koa'

/** The files built beside the server. */
const NAMES = ['browser.js', 'style.css', 'favicon.svg']

/** Serves the page's script, style and icon from memory. */
export async function createAssets(folder: URL): Promise<Koa.Middleware> {
  const assets = new Map(await Promise.all(NAMES.map((name) => read(folder, name))))
  return (ctx, next) => {
    const asset = assets.get(ctx.path)
    if (!asset) return next()
    ctx.body = asset.body
    ctx.type = asset.type
    ctx.etag = asset.etag
    // Browsers revalidate the file each time, as the next start may build another version.
    ctx.set('Cache-Control', 'no-cache')
    if (ctx.fresh) ctx.status = 304
  }
}

interface Asset {
  readonly type: string
  readonly body: Buffer
  readonly etag: string
}

async function read(folder: URL, name: string): Promise<readonly [path: string, asset: Asset]> {
  const body = await readFile(new URL(name, folder))
  const etag = createHash('sha256').update(body).digest('base64url').slice(0, 16)
  return [`/${name}`, { type: name.slice(name.lastIndexOf('.')), body, etag }]
}
