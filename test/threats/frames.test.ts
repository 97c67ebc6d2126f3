/**
 * Own modules: V8 counts the steps of loops only in code compiled during the test.
 *
 * @jest-environment node
 */
import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { App } from '../support/app/app.js'
import { poll, send } from '../support/app/raw-http.js'
import { RawSocket } from '../support/app/raw-socket.js'
import { expectAtMost, workOf } from '../support/app/work.js'

/** The most work for an unread message. */
const UNREAD = { steps: 20_000, parsed: 3000 }
/** The close code for too big messages (RFC 6455, 7.4.1). */
const TOO_BIG = 1009
const CONTINUATION = 0

const start = async (): Promise<App> => {
  return App.start({
    routes: (ctx) => {
      ctx.body = String(ctx.liveSession.get('division'))
    },
  })
}
const setting = (json: string): string => `42["live_session:sync",{"set":[["cart",-1,"",${json}]]}]`
const million = (): string => `{${Array.from({ length: 1_000_000 }, (_, i) => `"${i.toString(36)}":0`).join(',')}}`

describe('threat 13: a message over the limit', () => {
  it.each<[string, () => Buffer]>([
    ['a string of 2 MB', () => RawSocket.frame(setting(`["${'x'.repeat(2_000_000)}"]`))],
    ['an object of a million members', () => RawSocket.frame(setting(million()))],
    [
      '2 MB in two fragments',
      () => {
        const half = 'x'.repeat(1_000_000)
        return Buffer.concat([
          RawSocket.frame(setting(`["${half}`), false),
          RawSocket.frame(`${half}"]`, true, CONTINUATION),
        ])
      },
    ],
    [
      'the announcement of 4 GB',
      () => {
        const frame = RawSocket.frame('x')
        frame.writeBigUInt64BE(2n ** 32n, 2)
        return frame
      },
    ],
    ['2 MB of text without a type', () => RawSocket.frame('\u{1f600}'.repeat(500_000))],
  ])('closes only its own connection, unread: %s', async (_, make) => {
    const app = await start()
    const [attacker, other] = [cookieFor(app.live, { values: { division: 1 } }), cookieFor(app.live, {})]
    const page = await RawSocket.enter(app.url, other)
    const frames = make()
    const work = await workOf(async () => {
      const socket = await RawSocket.enter(app.url, attacker)
      const gone = new Promise((resolve) => {
        for (const { client } of app.io.sockets.sockets.values()) client.conn.once('close', resolve)
      })
      socket.sendFrames(frames)
      await gone
      expect(await socket.closed).toBe(TOO_BIG)
    })
    expectAtMost(work, UNREAD)
    expect(await page.ask('live_session:sync', '{"set":[["division",-1,"",2]]}')).toHaveProperty('results.0.stamp')
    expect((await send(app.url, { headers: { cookie: attacker } })).text).toBe('1')
    expect(app.errors).toEqual([])
    page.hangUp()
  })

  it('fails unread by POST and by polling', async () => {
    const app = await start()
    const cookie = cookieFor(app.live, { values: { division: 1 } })
    const headers = { cookie, origin: app.url, 'content-type': 'application/json' }
    const body = `{"set":[["cart",-1,["${'x'.repeat(2_000_000)}"]]]}`
    const opened = await send(`${app.url}/socket.io/?EIO=4&transport=polling`, { headers })
    const { sid } = JSON.parse(opened.text.slice(1))
    const statuses: number[] = []
    const work = await workOf(async () => {
      for (const path of ['/store_session', `/socket.io/?EIO=4&transport=polling&sid=${sid}`]) {
        // The server may close before the client has sent everything.
        const answer = send(app.url + path, { method: 'POST', headers, body }).catch(() => ({ status: 413 }))
        statuses.push((await answer).status)
      }
    })
    expect(new Set(statuses)).toEqual(new Set([413]))
    expect(work.parsed).toBe(0)
    expectAtMost(work, UNREAD)
    expect((await send(app.url, { headers: { cookie } })).text).toBe('1')
    expect(await poll(app.url, { cookie, origin: app.url })).toMatch(/^40/)
  })
})

describe('threat 13: a message under the limit', () => {
  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)

  it.each<[string, string, number]>([
    ['a string', `"${'x'.repeat(950_000)}"`, 1_000_000],
    ['a list of a string', `["${'x'.repeat(950_000)}"]`, 1_000_000],
    ['a string of escapes', `["${'\\u0001'.repeat(150_000)}"]`, 1_000_000],
    ['a string of surrogates', `["${'\\ud800'.repeat(150_000)}"]`, 20_000],
    ['10,000 levels', nested(10_000), 20_000],
    ['10,000 levels of objects', '{"a":'.repeat(10_000) + 1 + '}'.repeat(10_000), 20_000],
    ['10,000 strings', `[${'"",'.repeat(9_999)}""]`, 100_000],
    ['half a million members', `[${'1,'.repeat(490_000)}1]`, 100_000],
    ['10,000 levels without an end', '['.repeat(10_000), 20_000],
  ])('costs one parse and few steps: %s', async (_, json, steps) => {
    const app = await start()
    const cookie = cookieFor(app.live, { values: { division: 1 } })
    const socket = await RawSocket.enter(app.url, cookie)
    const frame = RawSocket.frame(setting(json))
    const work = await workOf(async () => {
      socket.sendFrames(frame)
      await send(app.url, { headers: { cookie } })
    })
    expectAtMost(work, { steps, parsed: frame.length + 1000 })
    expect((await send(app.url, { headers: { cookie } })).text).toBe('1')
    socket.hangUp()
  })
})
