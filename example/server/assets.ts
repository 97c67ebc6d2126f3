import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type Koa from 'koa'

/** The files built beside the server, and their types. */
const FILES = [
  ['browser.js', 'text/javascript'],
  ['style.css', 'text/css'],
  ['favicon.svg', 'image/svg+xml'],
] as const

/** Returns the page's script, style and icon, by path. */
export async function readAssets(folder: URL): Promise<ReadonlyMap<string, Asset>> {
  return new Map(await Promise.all(FILES.map(([name, type]) => read(folder, name, type))))
}

/** Serves the page's script, style and icon from memory. */
export async function createAssets(folder: URL): Promise<Koa.Middleware> {
  const assets = await readAssets(folder)
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

async function read(folder: URL, name: string, type: string): Promise<readonly [path: string, asset: Asset]> {
  const body = await readFile(new URL(name, folder))
  const etag = createHash('sha256').update(body).digest('base64url').slice(0, 16)
  return [`/${name}`, { type, body, etag }]
}
