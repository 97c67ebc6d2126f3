import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { memoryStore } from 'koa-live-session/testing'
import { App } from '../support/app/app.js'

const PAGE = 'docs/troubleshooting.md'
const page = readFileSync(PAGE, 'utf8')

/** All channels of the server. */
function channels(): readonly string[] {
  const sources = readdirSync('server', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  return sources.flatMap(
    (file) => readFileSync(`server/${file}`, 'utf8').match(/(?<=')koa-live-session:\w+(?=')/g) ?? [],
  )
}

/** The page's table: each channel with its members. */
function documented(): Record<string, readonly string[]> {
  const rows = [...page.matchAll(/^\| `(koa-live-session:\w+)` \| `\{ ([^}]*) \}` \|/gm)]
  return Object.fromEntries(rows.map(([, name = '', members = '']) => [name, members.split(', ')]))
}

/** The messages of a channel during this act. */
async function messagesOf(channel: string, act: () => Promise<unknown>): Promise<Record<string, unknown>[]> {
  const heard: Record<string, unknown>[] = []
  const hear = (message: unknown): void => void heard.push(message as Record<string, unknown>)
  subscribe(channel, hear)
  await act()
  unsubscribe(channel, hear)
  return heard
}

describe('docs/troubleshooting.md', () => {
  it('names every channel', () => {
    expect(Object.keys(documented())).toEqual([...new Set(channels())].sort())
  })

  it('names the members of store messages', async () => {
    const store = memoryStore()
    const app = await App.start({ options: { store } })
    const heard = await messagesOf('koa-live-session:store', async () => {
      store.fail(1)
      await app.live.user('ann')
      await (await app.live.user('bob')).set('division', 3)
      await app.live.settled()
    })
    expect(heard.map(({ state }) => state)).toEqual(['down', 'good'])
    const members = new Set(heard.flatMap((message) => Object.keys(message)))
    const marked = [...members].map((name) => (heard.every((message) => name in message) ? name : `${name}?`))
    expect(marked).toEqual(documented()['koa-live-session:store'])
  })

  it('names the members of a refusal', async () => {
    const app = await App.start()
    const heard = await messagesOf('koa-live-session:refusal', async () => {
      await fetch(`${app.url}/store_session`, { headers: { origin: app.url } })
      await fetch(`${app.url}/store_session`, { method: 'POST', headers: { origin: 'https://evil.example' } })
    })
    expect(heard.map(({ where, code }) => `${where} ${code}`)).toEqual(['request malformed', 'request bad_origin'])
    expect(documented()['koa-live-session:refusal']).toEqual(expect.arrayContaining(Object.keys(heard[0] ?? {})))
  })
})
