import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import { testClock } from 'koa-live-session/testing'
import { io, type Socket } from 'socket.io-client'
import { freePort } from '../support/free-port.js'
import { snippet } from '../support/readme.js'
import { runSnippet } from '../support/run-snippet.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { SessionApp } from '../support/sessions.js'
import type { Visitor } from '../support/visitor.js'
import { within } from '../support/within.js'

const PAGE = 'docs/session-store.md'
const NAMES = ['app.ts', 'session-values.ts', 'devices.ts']
const MAIN = `
  import { http } from './app.js'
  http.listen(Number(process.env['PORT']), '127.0.0.1')
`

let folder: string
let child: ChildProcess
let url: string
let cookie = ''
let socket: Socket | undefined

interface Answer {
  readonly user?: string
  readonly cart: readonly string[]
}

/** A request of the one browser there is. */
async function ask(path: string): Promise<Answer | undefined> {
  const answer = await fetch(url + path, { headers: { cookie } }).catch(() => undefined)
  for (const line of answer?.headers.getSetCookie() ?? []) {
    const [pair = ''] = line.split(';')
    const [name = ''] = pair.split('=')
    const others = cookie.split('; ').filter((other) => other !== '' && !other.startsWith(`${name}=`))
    cookie = [...others, ...(pair === `${name}=` ? [] : [pair])].join('; ')
  }
  return (await answer?.json()) as Answer | undefined
}

/** A page of it, which comes back when its connection is closed. */
function open(): { readonly carts: unknown[]; readonly socket: Socket } {
  const carts: unknown[] = []
  const page = io(url, {
    transports: ['websocket'],
    reconnectionDelay: 200,
    randomizationFactor: 0,
    extraHeaders: { origin: url, cookie },
  })
  page.io.on('reconnect_attempt', () => Object.assign(page.io.opts, { extraHeaders: { origin: url, cookie } }))
  page.on('cart', (cart) => carts.push(cart))
  socket = page
  return { carts, socket: page }
}

function reconnected(page: Socket): Promise<unknown> {
  return new Promise((resolve) => page.io.once('reconnect', resolve))
}

beforeAll(async () => {
  mkdirSync('.cache', { recursive: true })
  folder = mkdtempSync(resolve('.cache/session-store-'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'main.ts'), MAIN)
  for (const name of NAMES) writeFileSync(join(folder, name), snippet(name, PAGE))
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  const own = { SECRET: 'a secret of at least thirty-two bytes', PORT: String(port) }
  child = spawn(process.execPath, ['--import', 'tsx', 'main.ts'], {
    cwd: folder,
    env: { ...process.env, ...own, TSX_TSCONFIG_PATH: resolve('tsconfig.json') },
    stdio: 'inherit',
  })
  await within(
    () => ask('/'),
    (answer) => answer !== undefined,
  )
})
afterAll(async () => {
  socket?.close()
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
  rmSync(folder, { recursive: true, force: true })
})

describe(PAGE, () => {
  it('has an app whose requests and sockets have one session, also over a sign-in and a sign-out', async () => {
    await ask('/add?item=a')
    const { carts, socket: page } = open()
    await within(
      async () => carts.length,
      (length) => length === 1,
    )
    page.emit('add', 'b')
    await within(
      async () => carts.length,
      (length) => length === 2,
    )
    expect(await ask('/add?item=c')).toEqual({ cart: ['a', 'b', 'c'] })
    await within(
      async () => carts.length,
      (length) => length === 3,
    )
    expect(carts).toEqual([['a'], ['a', 'b'], ['a', 'b', 'c']])
    const back = reconnected(page)
    expect(await ask('/sign-in')).toMatchObject({ user: 'ann' })
    await back
    page.emit('add', 'd')
    await within(
      async () => carts.at(-1),
      (cart) => JSON.stringify(cart).includes('d'),
    )
    expect(await ask('/')).toEqual({ user: 'ann', cart: ['a', 'b', 'c', 'd'] })
    const again = reconnected(page)
    await ask('/sign-out')
    await again
    expect(await ask('/')).toEqual({ cart: [] })
  })

  it('has a route that lists devices, signs out at one, and everywhere else, with the sockets', async () => {
    const { devices } = runSnippet('devices.ts', PAGE, {}) as { devices(live: unknown): Koa.Middleware }
    const options = { identify: (ctx: Koa.Context) => ctx['session']?.userId } as never
    const clock = testClock()
    const sessions = await SessionApp.start({ clock, options })
    const ask = (visitor: Visitor, method = 'GET', query = {}): Promise<readonly { readonly name: string }[]> =>
      sessions.ask(visitor, async (ctx) => {
        Object.assign(ctx, { method, query })
        await devices(sessions.app.live)(ctx, async () => undefined)
        return ctx.body as never
      })
    const mine = await sessions.withSession({ userId: 'ann' })
    const others = [await sessions.withSession({ userId: 'ann' }), await sessions.withSession({ userId: 'ann' })]
    const bobs = await sessions.withSession({ userId: 'bob' })
    for (const visitor of [...others, bobs, mine]) {
      clock.advance(1000)
      await sessions.read(visitor)
    }
    const ends: unknown[] = []
    for (const visitor of others) (await sessions.session(visitor)).onEnd((end) => ends.push(end))
    const listed = await ask(mine)
    expect(listed).toHaveLength(3)
    const own = (await ask(bobs)).map(({ name }) => name)
    expect(await ask(mine, 'POST', { end: own[0] })).toHaveLength(3)
    expect(await ask(mine, 'POST', { end: listed[2]?.name })).toHaveLength(2)
    expect(await ask(mine, 'POST', { others: '' })).toHaveLength(1)
    // A revocation closes the other's socket first.
    expect(ends).toEqual(['destroyed'])
    const left = await Promise.all([mine, bobs, ...others].map((visitor) => sessions.read(visitor)))
    expect(left).toEqual([{ userId: 'ann' }, { userId: 'bob' }, {}, {}])
  })

  itRunsSnippetsOf(PAGE)
})
