import { describe, expect, it } from '@jest/globals'
import { cookieFor } from 'koa-live-session/testing'
import { browserId } from '../support/app/browser-id.js'
import { flashPages, say, takeFlash } from '../support/app/flash-pages.js'
import { startWithUsers } from '../support/app/users.js'

const PLANTED = browserId('planted-by-an-attacker')
const LURE = 'Your card was refused: call us'

/** An attacker and a victim with the same planted guest cookie. */
async function start() {
  const app = await startWithUsers({ routes: flashPages })
  app.io.on('connection', (socket) => {
    socket.on('say', (message: string, answer: () => void) => void socket.liveSession.flash(message).then(answer))
  })
  const cookie = cookieFor(app.live, { browserId: PLANTED })
  return { app, victim: app.visitor(cookie), attacker: app.visitor(cookie) }
}

describe('threat 65: a message under a planted guest id', () => {
  it.each(['/login/now?user=ann', '/login?user=ann'])('is not shown after the sign-in: %s', async (path) => {
    const { victim, attacker } = await start()
    await say(attacker, LURE)
    const socket = await attacker.connect()
    await socket.ticket()
    await socket.io.emitWithAck('say', LURE)
    await victim.fetch(path)
    expect(await takeFlash(victim)).toEqual([])
    expect(victim.cookie).not.toContain('flash')
    const page = await victim.connect()
    await page.ticket()
    expect(await page.io.emitWithAck('live_session:take_flash')).toEqual({ ok: true, messages: [] })
  })

  it('is not shown beside the sign-in’s own message', async () => {
    const { app, attacker } = await start()
    await say(attacker, LURE)
    const victim = app.visitor(attacker.cookie)
    await victim.fetch('/flash/say/in/identify?what=welcome&user=ann')
    expect(await takeFlash(victim)).toEqual(['welcome'])
  })
})

describe('threat 66: a flash message', () => {
  const sibling = { 'sec-fetch-site': 'same-site' }

  it.each<[string, Record<string, string>]>([
    ['a fetch of a sibling', { ...sibling, 'sec-fetch-dest': 'empty', 'sec-fetch-mode': 'no-cors' }],
    ['a fetch of a sibling with CORS', { ...sibling, 'sec-fetch-dest': 'empty', origin: 'https://sibling.example' }],
    ['a fetch of another site over plain http', { origin: 'http://other.example' }],
    ['a fetch of another site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'empty' }],
    ['a frame of a sibling', { ...sibling, 'sec-fetch-dest': 'iframe', 'sec-fetch-mode': 'navigate' }],
    ['a frame after its own navigation', { 'sec-fetch-site': 'same-origin', 'sec-fetch-dest': 'iframe' }],
    ['a fenced frame', { ...sibling, 'sec-fetch-dest': 'fencedframe' }],
    ['an object', { ...sibling, 'sec-fetch-dest': 'object' }],
    ['a script', { 'sec-fetch-dest': 'script' }],
    ['a prefetch', { 'sec-purpose': 'prefetch' }],
    ['a prerendering', { 'sec-purpose': 'prefetch;prerender' }],
    ['a prefetch of an older browser', { purpose: 'prefetch' }],
    ['a prefetch of a script', { 'x-sec-purpose': 'prefetch' }],
    ['a preview', { 'x-purpose': 'preview' }],
  ])('survives %s', async (_, headers) => {
    const { victim } = await start()
    await say(victim, 'saved')
    expect(await takeFlash(victim, { headers })).toEqual([])
    await victim.fetch('/flash/take', { method: 'HEAD' })
    expect(await takeFlash(victim)).toEqual(['saved'])
  })

  it.each<[string, Record<string, string>]>([
    ['a link of a sibling', { ...sibling, 'sec-fetch-dest': 'document' }],
    ['a form of another site over plain http', { origin: 'http://other.example', 'upgrade-insecure-requests': '1' }],
    ['a typed address', { 'sec-fetch-site': 'none', 'sec-fetch-dest': 'document' }],
    ['a fetch of an open page of this origin', { 'sec-fetch-site': 'same-origin', 'sec-fetch-dest': 'empty' }],
    ['a page of an old browser', {}],
  ])('is shown by %s', async (_, headers) => {
    const { victim } = await start()
    await say(victim, 'saved')
    expect(await takeFlash(victim, { headers })).toEqual(['saved'])
  })

  it('is shown by a fetch of a page of a listed origin', async () => {
    const trusted = 'https://app.example'
    const app = await startWithUsers({ routes: flashPages, options: { origins: [trusted] } as never })
    const visitor = app.visitor(cookieFor(app.live, {}))
    await say(visitor, 'saved')
    const headers = { ...sibling, 'sec-fetch-dest': 'empty', origin: trusted }
    expect(await takeFlash(visitor, { headers })).toEqual(['saved'])
  })
})
