import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Koa from 'koa'
import type { SessionStore } from 'koa-live-session'
import { io, type Socket } from 'socket.io-client'
import { freePort } from '../support/free-port.js'
import { snippet } from '../support/readme.js'
import { runSnippet } from '../support/run-snippet.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { SessionApp } from '../support/sessions.js'
import type { Visitor } from '../support/visitor.js'
import { within } from '../support/within.js'

const PAGE = 'docs/session-store.md'
const NAMES = ['app.ts', 'session-values.ts', 'sign-out-everywhere.ts']
const MAIN = `
  import { http } from './app.js'
  http.listen(Number(process.env['PORT']), '127.0.0.1')
`

let folder: string
let child: ChildProcess
let url: string
let cookie = ''
let socket: Socket | undefined

/** What `sign-out-everywhere.ts` exports. */
interface Guide extends Record<string, unknown> {
  readonly genid: (ctx: Koa.Context) => string
  readonly noteSession: (ctx: Koa.Context, user: string) => void
  readonly signOutEverywhere: (sessions: SessionStore, user: string) => Promise<void>
}

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

  it('has what signs a user out everywhere, with the sockets, and no other user', async () => {
    const { genid, noteSession, signOutEverywhere } = runSnippet('sign-out-everywhere.ts', PAGE, {
      randomUUID,
    }) as Guide
    const sessions = await SessionApp.start({ session: { genid } })
    const signIn = (visitor: Visitor, user: string) =>
      sessions.ask(visitor, async (ctx) => {
        ctx['session'].user = user
        await ctx['session'].regenerate()
        noteSession(ctx, user)
      })
    const devices = [await sessions.withSession({ cart: ['a'] }), sessions.visitor()]
    const other = await sessions.withSession({ cart: ['b'] })
    for (const device of devices) await signIn(device, 'ann')
    await signIn(other, 'bob')
    for (const device of devices) expect(await sessions.read(device)).toMatchObject({ user: 'ann' })
    const ends: unknown[] = []
    for (const device of devices) (await sessions.session(device)).onEnd((end) => ends.push(end))
    // One that has no session, for whose handshake an id is made, too.
    expect(await sessions.connect(sessions.visitor())).toBeUndefined()
    await signOutEverywhere(sessions.app.live.sessionStore(), 'ann')
    expect(ends).toEqual(['destroyed', 'destroyed'])
    for (const device of devices) expect(await sessions.read(device)).toEqual({})
    expect(await sessions.read(other)).toEqual({ user: 'bob', cart: ['b'] })
  })
  itRunsSnippetsOf(PAGE)
})
