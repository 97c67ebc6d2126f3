import { readFileSync } from 'node:fs'
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdapter } from '@socket.io/redis-adapter'
import type Koa from 'koa'
import { createClient } from 'redis'

const url = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'
const file = new URL('browser.js', import.meta.url)

async function connect(options: { readonly disableOfflineQueue?: boolean } = {}) {
  const client = createClient({ url, ...options })
  client.on('error', (error) => console.error(error))
  await client.connect()
  return client
}

/** For queries and writes: they fail at once if Redis is down. */
export const redis = await connect({ disableOfflineQueue: true })

const publisher = await connect()
const publish = publisher.publish.bind(publisher)
// The adapter does not handle rejections, which would end the process.
Object.assign(publisher, { publish: (channel: string, message: string) => publish(channel, message).catch(() => 0) })
export const adapter = createAdapter(publisher, await connect())

export const script: Koa.Middleware = async (ctx, next) => {
  if (ctx.path !== '/browser.js') return next()
  ctx.type = 'js'
  ctx.body = readFileSync(file)
}

export function listen(http: HttpServer): void {
  http.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${(http.address() as AddressInfo).port}`)
  })
}
