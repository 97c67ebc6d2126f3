import { describe, expect, it } from '@jest/globals'
import { memoryStore, testClock } from 'koa-live-session/testing'
import type { Store } from '../../server/types/store.js'
import { AuthStore, identify } from '../support/app/auth.js'
import { flashPages, say, takeFlash } from '../support/app/flash-pages.js'
import { bring, open, serveSignIn, signIn, tokenFor } from '../support/app/hand-offs.js'
import { SessionApp } from '../support/app/sessions.js'
import { startWithUsers } from '../support/app/users.js'

const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR

/** A store with a test clock, which notes the names of subjects. */
function notingStore() {
  const clock = testClock()
  const store = memoryStore(clock.now)
  const names = new Set<string>()
  const noting: Store = {
    ...store,
    async merge(subject, registers) {
      names.add(subject)
      return store.merge(subject, registers)
    },
    async compareAndSet(subject, ...given) {
      names.add(subject)
      return store.compareAndSet(subject, ...given)
    },
  }
  /** Sweeps as the plugin does each day. */
  const sweep = (): Promise<number> => store.sweep(clock.now() - 100 * DAY)
  const namesOf = (prefix: string): readonly string[] => [...names].filter((name) => name.startsWith(prefix))
  return { clock, store, noting, sweep, namesOf }
}

describe('threat 116: a session that its browser never asks for again', () => {
  it('goes from the store when its own maxAge is over, although no process knows it', async () => {
    const { clock, store, noting, sweep, namesOf } = notingStore()
    const options = { identify, store: noting } as never
    const sessions = await SessionApp.start({ clock, session: { maxAge: DAY }, options })
    await sessions.withSession({ user: 'ann', note: 'a secret' })
    await sessions.app.live.close()
    clock.advance(DAY)
    expect(await sweep()).toBe(0)
    clock.advance(1)
    expect(await sweep()).toBe(1)
    const [name = ''] = namesOf('session:')
    expect(await store.load(name)).toEqual([])
  })

  it('stays while it is used, and if its browser decides', async () => {
    const { clock, noting, sweep } = notingStore()
    const options = { identify, store: noting } as never
    const sessions = await SessionApp.start({ clock, session: { maxAge: DAY, rolling: true }, options })
    const used = await sessions.withSession({ note: 'used' })
    const lasting = sessions.visitor()
    await sessions.ask(lasting, ({ session }) => void Object.assign(session, { note: 'lasting', maxAge: 'session' }))
    for (let day = 0; day < 4; day += 1) {
      clock.advance(DAY - HOUR)
      expect(await sessions.read(used)).toEqual({ note: 'used' })
      expect(await sweep()).toBe(0)
    }
    expect(await sessions.read(lasting)).toEqual({ note: 'lasting' })
  })
})

describe('threat 122: the names of used hand-offs and shown messages', () => {
  it('go from the store two hours later, even after a restart', async () => {
    const { clock, store, noting, sweep, namesOf } = notingStore()
    const options = { store: noting } as never
    const pages = await startWithUsers({ clock, routes: flashPages, options, store: new AuthStore() })
    const visitor = pages.visitor()
    await visitor.store()
    await say(visitor, 'saved')
    expect(await takeFlash(visitor)).toEqual(['saved'])
    const app = await startWithUsers({ clock, routes: signIn, options })
    serveSignIn(app)
    const browser = await open(app)
    expect((await bring(browser.visitor, await tokenFor(browser.socket))).status).toBe(303)
    for (const { live } of [pages, app]) await live.close()
    const names = [...namesOf('flash:'), ...namesOf('hand-off:')]
    expect(names).toHaveLength(2)
    clock.advance(2 * HOUR)
    expect(await sweep()).toBe(0)
    clock.advance(1)
    expect(await sweep()).toBe(2)
    for (const name of names) expect(await store.load(name)).toEqual([])
  })
})
