import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { BrowserContext } from 'puppeteer-core'
import { Visitor } from '../support/app/visitor.js'
import { RedisServer } from '../support/servers/redis.js'
import { bundleNode, bundlePage } from './bundle.js'
import { launchChromium } from './chromium.js'
import { Gateway } from './gateway.js'
import { NodeProcess } from './node-process.js'

/** ms for which Redis is silent, or a node stopped. */
const SILENCE = 3000
/** ms after a change until its node has asked Redis, which has not answered yet. */
const ASKED = 60

/** What falls silent, and where the two pages of each user are. */
export type Stall = 'devices' | 'tabs' | 'node' | 'restart'
export const STALLS: readonly [Stall, ...Stall[]] = ['devices', 'tabs', 'node', 'restart']

export interface StallRun {
  readonly stall: Stall
  /** Users in all. */
  readonly users: number
  readonly atOnce: number
}

/** What has become of all items. */
export interface StallTally {
  /** Items that a page was told to be saved. */
  saved: number
  /** What is missing in the end though it was saved, what is there twice, and what was refused: each with its user. */
  readonly lost: string[]
  readonly twice: string[]
  readonly refused: string[]
}

/** A page that adds to its user's list. */
interface Adder {
  /** Resolves with `saved`, or with the code of the refusal. */
  add(item: string): Promise<string>
  close(): Promise<void>
}

/** Two pages of one user, each at a node of its own. */
interface User {
  readonly id: string
  readonly pages: readonly [Adder, Adder]
}

/** Two nodes, and the Redis that they share. */
interface Site {
  readonly redis: RedisServer
  readonly nodes: readonly [NodeProcess, NodeProcess]
}

/** Has pages add to a list while Redis or a node is silent, and looks at what is there in the end. */
export async function runStalls(
  { stall, users, atOnce }: StallRun,
  log: (line: string) => void = () => undefined,
): Promise<StallTally> {
  const tally: StallTally = { saved: 0, lost: [], twice: [], refused: [] }
  const redis = await RedisServer.start()
  await bundlePage('test/faults/leaving-page.ts')
  const script = await bundleNode('test/faults/leaving-node.ts')
  const secret = randomBytes(32).toString('base64url')
  const start = (): Promise<NodeProcess> => NodeProcess.start(script, redis.path, secret)
  const site: Site = { redis, nodes: [await start(), await start()] }
  const gateway = await Gateway.start(() => site.nodes.flatMap(({ port }) => port ?? []))
  const browser = stall === 'tabs' ? await launchChromium() : undefined
  const open = async (id: string): Promise<User> => {
    const context = await browser?.createBrowserContext()
    return { id, pages: context ? await tabs(context, gateway.url, id) : await devices(site, id) }
  }
  try {
    for (let begun = 0; begun < users; begun += atOnce) {
      const ids = Array.from({ length: Math.min(atOnce, users - begun) }, (_, index) => `user-${begun + index}`)
      await round(site, stall, await Promise.all(ids.map(open)), tally)
      log(told(tally))
    }
  } finally {
    await browser?.close()
    await gateway.stop()
    await Promise.all(site.nodes.map((node) => node.stop()))
    await redis.stop()
  }
  return tally
}

async function round(site: Site, stall: Stall, users: readonly User[], tally: StallTally): Promise<void> {
  const saved = new Map(users.map(({ id }) => [id, [] as string[]]))
  const add = async ({ id, pages }: User, page: 0 | 1, item: string): Promise<void> => {
    const outcome = await pages[page].add(item)
    if (outcome === 'saved') saved.get(id)?.push(item)
    else tally.refused.push(`${id}: ${item} ${outcome}`)
  }
  const all = (page: 0 | 1, item: string): Promise<unknown> => Promise.all(users.map((user) => add(user, page, item)))
  await all(0, 'first')
  await (stall === 'node' ? stopNode(site, all) : silenceRedis(site, stall === 'restart', all))
  for (const { id, pages } of users) {
    const items = saved.get(id) ?? []
    tally.saved += items.length
    for (const list of await Promise.all(site.nodes.map((node) => listOf(node, id)))) {
      const lost = items.filter((item) => !list.includes(item))
      if (lost.length > 0) tally.lost.push(`${id}: ${lost.join()}, with ${list.join()}`)
      if (new Set(list).size < list.length) tally.twice.push(`${id}: ${list.join()}`)
    }
    for (const page of pages) await page.close()
  }
}

type AddAll = (page: 0 | 1, item: string) => Promise<unknown>

/** Both pages add while Redis is stopped or, after a crash, gone with all that it had. */
async function silenceRedis({ redis }: Site, isRestart: boolean, all: AddAll): Promise<void> {
  if (isRestart) await redis.kill()
  else redis.pause()
  const added = [all(0, 'a'), all(1, 'b')]
  await pause(SILENCE / 2)
  added.push(all(0, 'c'), all(1, 'd'))
  await pause(SILENCE / 2)
  if (isRestart) await redis.start()
  else redis.resume()
  await Promise.all(added)
}

/** A node is stopped after it has asked Redis, whose answer it reads once it goes on; meanwhile the other node's page adds. */
async function stopNode({ redis, nodes: [node] }: Site, all: AddAll): Promise<void> {
  redis.pause()
  const added = [all(0, 'a')]
  await pause(ASKED)
  node.pause()
  redis.resume()
  await pause(SILENCE / 2)
  for (const item of ['b', 'c', 'd']) await all(1, item)
  await pause(SILENCE / 2)
  node.resume()
  await Promise.all(added)
}

async function devices({ nodes }: Site, id: string): Promise<User['pages']> {
  const open = async ({ port }: NodeProcess): Promise<Adder> => {
    const visitor = new Visitor(`http://127.0.0.1:${port}`, `user=${id}`)
    const { live } = await visitor.open({ path: '/' })
    const append = (item: string) => (list: readonly string[]) => [...list, item]
    return {
      add: (item) =>
        live.update('list' as never, append(item) as never).then(
          () => 'saved',
          ({ code }) => String(code),
        ),
      close: async () => visitor.leave(),
    }
  }
  return Promise.all([open(nodes[0]), open(nodes[1])])
}

async function tabs(context: BrowserContext, url: string, id: string): Promise<User['pages']> {
  await context.setCookie({ name: 'user', value: id, domain: new URL(url).hostname })
  const open = async (): Promise<Adder> => {
    const page = await context.newPage()
    await page.goto(url)
    await page.waitForFunction('globalThis.live?.ready.then(() => true)')
    const append = (item: string): string => `live.update("list", (list) => [...list, ${JSON.stringify(item)}])`
    return {
      add: (item) => page.evaluate(`${append(item)}.then(() => 'saved', ({ code }) => String(code))`).then(String),
      close: () => page.close(),
    }
  }
  return [await open(), await open()]
}

/** The user's list, as a node has it for a browser without cookies. */
async function listOf({ port }: NodeProcess, id: string): Promise<readonly string[]> {
  const visitor = new Visitor(`http://127.0.0.1:${port}`, `user=${id}`)
  const { live } = await visitor.open({ path: '/', hasSocket: false })
  const list: unknown = live.get('list' as never)
  visitor.leave()
  return list as readonly string[]
}

function told({ saved, lost, twice, refused }: StallTally): string {
  return JSON.stringify({ saved, lost: lost.length, twice: twice.length, refused: refused.length })
}
