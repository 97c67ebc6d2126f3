import { setTimeout as pause } from 'node:timers/promises'
import { Visitor } from '../support/app/visitor.js'
import type { Page } from '../support/page/page.js'
import { Items } from './items.js'
import type { NodeProcess } from './node-process.js'
import { onSite, type Site } from './site.js'

/** ms for which Redis or a node is silent. */
const SILENCE = 3000
/** ms after a change until its node has asked Redis, which has not answered yet. */
const ASKED = 60

/** Redis is silent, a node is silent, or Redis crashes without persistence. */
export type Stall = 'devices' | 'node' | 'restart'
export const STALLS: readonly [Stall, ...Stall[]] = ['devices', 'node', 'restart']

export interface StallRun {
  readonly stall: Stall
  /** Users in all. */
  readonly users: number
  readonly atOnce: number
}

/** A user with two pages, each on its own node. */
interface User {
  readonly id: string
  readonly pages: readonly Page[]
}

type AddAll = (page: number, item: string) => Promise<unknown>

/** Has pages add to a cart while Redis or a node is silent, and looks at the cart in the end. */
export function runStalls(
  { stall, users, atOnce }: StallRun,
  log: (line: string) => void = () => undefined,
): Promise<Items> {
  return onSite({ store: 'Redis', nodes: 2 }, async (site) => {
    const items = new Items()
    while (items.rounds < users) {
      const count = Math.min(atOnce, users - items.rounds)
      const ids = Array.from({ length: count }, (_, index) => `user-${items.rounds + index}`)
      await round(site, stall, await Promise.all(ids.map((id) => open(site, id))), items)
      items.rounds += count
      log(String(items))
    }
    return items
  })
}

async function open({ nodes }: Site, id: string): Promise<User> {
  return { id, pages: await Promise.all(nodes.map((node) => visitorAt(node, id).open({ path: '/' }))) }
}

const visitorAt = ({ port }: NodeProcess, id: string): Visitor => new Visitor(`http://127.0.0.1:${port}`, `user=${id}`)

async function round(site: Site, stall: Stall, users: readonly User[], tally: Items): Promise<void> {
  const saved = new Map(users.map(({ id }) => [id, [] as string[]]))
  const add = ({ id, pages }: User, page: number, item: string): Promise<unknown> | undefined =>
    pages[page]?.live
      .update('cart', (cart) => [...cart, item])
      .then(
        () => saved.get(id)?.push(item),
        ({ code }) => tally.rejected.push(`${id}: ${item} ${code}`),
      )
  const all: AddAll = (page, item) => Promise.all(users.map((user) => add(user, page, item)))
  await all(0, 'first')
  await (stall === 'node' ? stopNode(site, all) : silenceRedis(site, stall === 'restart', all))
  for (const { id, pages } of users) {
    const items = saved.get(id) ?? []
    tally.saved += items.length
    for (const node of site.nodes) tally.check(id, items, await cartOf(node, id))
    for (const { visitor } of pages) visitor.leave()
  }
}

/** Both pages add while Redis is stopped or, after a crash, has lost everything. */
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

/** A node stops after it has asked Redis, and reads the answer when it resumes; meanwhile the other node's page adds. */
async function stopNode({ redis, nodes: [node] }: Site, all: AddAll): Promise<void> {
  redis.pause()
  const added = [all(0, 'a')]
  await pause(ASKED)
  node?.pause()
  redis.resume()
  await pause(SILENCE / 2)
  for (const item of ['b', 'c', 'd']) await all(1, item)
  await pause(SILENCE / 2)
  node?.resume()
  await Promise.all(added)
}

/** Returns the user's cart as a node shows it to a browser without a live cookie. */
async function cartOf(node: NodeProcess, id: string): Promise<readonly string[]> {
  return JSON.parse(await visitorAt(node, id).text('/snapshot')).values.cart
}
