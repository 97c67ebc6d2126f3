import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { memoryStore } from 'koa-live-session/testing'
import { App } from '../support/app/app.js'
import { within } from '../support/app/within.js'

const PAGE = 'docs/troubleshooting.md'
const page = readFileSync(PAGE, 'utf8')

/** The names of all channels that the server's code publishes to. */
function channels(): readonly string[] {
  const sources = readdirSync('server', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  return sources.flatMap(
    (file) => readFileSync(`server/${file}`, 'utf8').match(/(?<=')koa-live-session:\w+(?=')/g) ?? [],
  )
}

/** The first column of the page's table of channels, and the members that the second names. */
function documented(): Record<string, readonly string[]> {
  const rows = [...page.matchAll(/^\| `(koa-live-session:\w+)` \| `\{ ([^}]*) \}` \|/gm)]
  return Object.fromEntries(rows.map(([, name = '', members = '']) => [name, members.split(', ')]))
}

/** An app whose store goes down, and comes back: what its channel was told by then. */
async function outage(): Promise<Record<string, unknown>[]> {
  const heard: Record<string, unknown>[] = []
  const hear = (message: unknown): void => void heard.push(message as Record<string, unknown>)
  subscribe('koa-live-session:store', hear)
  const store = memoryStore()
  const app = await App.start({ options: { store } })
  store.fail(1)
  await app.live.user('ann')
  const user = await app.live.user('bob')
  await user.set('division', 3)
  await within(
    async () => heard.at(-1)?.['state'],
    (state) => state === 'good',
  )
  unsubscribe('koa-live-session:store', hear)
  return heard
}

describe('docs/troubleshooting.md', () => {
  it('names every channel, and what its messages have', async () => {
    expect(Object.keys(documented())).toEqual([...new Set(channels())].sort())
    const heard = await outage()
    expect(heard.map(({ state }) => state)).toEqual(['down', 'good'])
    const members = new Set(heard.flatMap((message) => Object.keys(message)))
    expect([...members].map((name) => (heard.every((message) => name in message) ? name : `${name}?`))).toEqual(
      documented()['koa-live-session:store'],
    )
  })

  it('names every member of a refusal', async () => {
    const heard: Record<string, unknown>[] = []
    const hear = (message: unknown): void => void heard.push(message as Record<string, unknown>)
    subscribe('koa-live-session:refusal', hear)
    const app = await App.start()
    await fetch(`${app.url}/store_session`, { headers: { origin: app.url } })
    await fetch(`${app.url}/store_session`, { method: 'POST', headers: { origin: 'https://evil.example' } })
    unsubscribe('koa-live-session:refusal', hear)
    expect(heard.map(({ where, code }) => [where, code])).toEqual([
      ['request', 'malformed'],
      ['request', 'bad_origin'],
    ])
    expect(documented()['koa-live-session:refusal']).toEqual(expect.arrayContaining(Object.keys(heard[0] ?? {})))
  })
})
