import { describe, expect, it } from '@jest/globals'
import { cookieFor, type TestClock } from 'koa-live-session/testing'
import { SigningKeys } from '../../server/subjects/signing-keys.js'
import { browserSubject, userSubject } from '../../server/subjects/subject.js'
import type { App } from '../support/app/app.js'
import { browserId } from '../support/app/browser-id.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { as, isRetired, SECRET, startWithHeaders } from '../support/app/kinds-of-cookies.js'

const FIRST = browserId('the-first-of-its-line')

/** The browser id after a request of this user with this cookie; without a path, after a POST of {}. */
async function next(app: App, cookie: string, user: string | undefined, path = ''): Promise<string> {
  const visitor = app.visitor(cookie)
  if (path === '') await visitor.ask(as(user))
  else await visitor.fetch(path, { headers: as(user) })
  return cookieContent(visitor).browser
}

const start = (clock?: TestClock): Promise<App> => startWithHeaders(clock ? { clock } : {})
const ofGuest = (app: App): string => cookieFor(app.live, { browserId: FIRST, values: { division: 1 } })
const ofAnn = (app: App): string => cookieFor(app.live, { browserId: FIRST, userId: 'ann', values: { theme: 'dark' } })

describe('the browser id after a sign-in', () => {
  it('is equal for all requests with the former cookie', async () => {
    const app = await start()
    const cookie = ofGuest(app)
    const paths = ['/', '/set', '/identify', '/set/embed', '/dark']
    const ids = await Promise.all(paths.map((path) => next(app, cookie, 'ann', path)))
    for (const path of ['/set', '/identify']) ids.push(await next(app, cookie, 'ann', path))
    expect(new Set(ids).size).toBe(1)
    expect(ids).toContain(await next(app, cookie, 'ann'))
  })

  it('is equal on other nodes and after a restart', async () => {
    const app = await start()
    const cookie = ofGuest(app)
    const id = await next(app, cookie, 'ann')
    const node = await start(app.clock)
    await app.stop({ isCrash: true })
    const restarted = await start(app.clock)
    for (const other of [node, restarted]) expect(await next(other, cookie, 'ann')).toBe(id)
  })

  it('matches docs/maintainers/protocol.md', async () => {
    const app = await start()
    const keys = new SigningKeys([SECRET], 'cookie')
    const expected = keys.sign(`rotated ${FIRST} ${userSubject('ann')}`).slice(0, 22)
    expect(await next(app, ofGuest(app), 'ann')).toBe(expected)
  })

  it('differs by user and former id', async () => {
    const app = await start()
    const cookie = ofGuest(app)
    const ids = [await next(app, cookie, 'ann'), await next(app, cookie, 'bob'), await next(app, cookie, '1')]
    ids.push(await next(app, cookieFor(app.live, { browserId: browserId('another') }), 'ann'))
    expect(new Set(ids).size).toBe(4)
  })

  it('never returns after it is retired', async () => {
    const app = await start()
    const cookie = ofGuest(app)
    const visitor = app.visitor(cookie)
    await visitor.fetch('/dark', { headers: as('ann') })
    const id = cookieContent(visitor).browser
    await visitor.fetch('/leave', { headers: as('ann') })
    expect(isRetired(app, browserSubject(id))).toBe(true)
    const late = [await next(app, cookie, 'ann'), await next(app, cookie, 'ann')]
    expect(new Set([FIRST, id, cookieContent(visitor).browser, ...late]).size).toBe(5)
  })
})

describe('the browser id after a sign-out', () => {
  it.each([
    ['an expired session', '/', undefined],
    ['leave()', '/leave', 'ann'],
    ['identify()', '/identify', undefined],
  ])('is random for each request: %s', async (_, path, user) => {
    const app = await start()
    const cookie = ofAnn(app)
    const node = await start(app.clock)
    const ids = [
      await next(app, cookie, user, path),
      await next(node, cookie, user, path),
      await next(app, cookie, undefined),
      await next(app, cookie, undefined),
    ]
    expect(new Set([FIRST, ...ids]).size).toBe(5)
  })
})
