import { describe, expect, it, jest } from '@jest/globals'
import type { Context } from 'koa'
import { cookieFor, emptyCache } from 'koa-live-session/testing'
import type { Revocation } from '../../server/identity/validity.js'
import { coreOf } from '../../server/plugin.js'
import { newBrowserId, type Subject } from '../../server/subjects/subject.js'
import { NEVER, nextStamp } from '../../shared/stamp.js'
import { App } from '../support/app/app.js'
import { once } from '../support/app/awaited.js'
import { Gate } from '../support/app/gate.js'
import { present } from '../support/app/present.js'

describe('a request whose cookie was compared with memory', () => {
  it("sets a value even if the visitor's socket closes meanwhile", async () => {
    const gate = new Gate()
    const app = await App.start({
      routes: async (ctx) => {
        ctx.liveSession.get('division')
        await gate.pass()
        void ctx.liveSession.set('division', 5)
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    const visitor = app.visitor(cookieFor(app.live, {}))
    const socket = await visitor.connect()
    const [server] = app.io.sockets.sockets.values()
    const answer = visitor.text('/')
    await gate.entered
    socket.io.disconnect()
    await once(present(server), 'disconnect')
    gate.open()
    expect(await answer).toBe('5')
  })
})

describe('a cookie comparison', () => {
  const DAY = 24 * 60 * 60 * 1000
  const both = async (cache = {}) => {
    const identify = (ctx: Context): string | undefined => ctx.get('x-user') || undefined
    const app = await App.start({
      options: { identify, cache: { maxIdle: DAY, ...cache } } as never,
      routes: (ctx) => {
        ctx.body = String(ctx.liveSession.get('division'))
      },
    })
    const core = coreOf(app.live)
    const enter = async (user: string | undefined, division: number) => {
      const values = { division }
      const visitor = app.visitor(cookieFor(app.live, user === undefined ? { values } : { userId: user, values }))
      const read = async () =>
        (await visitor.fetch('/', { headers: user === undefined ? {} : { 'x-user': user } })).text()
      expect(await read()).toBe(String(division))
      const cookie = [...core.cookie.seen()].at(-1)
      if (!cookie) throw new Error('never')
      return {
        read,
        cookie,
        name: cookie.browserSubject,
        subject: present(cookie.memo).visitor.subject() as never,
      }
    }
    return { app, core, guest: await enter(undefined, 1), ann: await enter('ann', 2), bob: await enter('bob', 3) }
  }
  type Both = Awaited<ReturnType<typeof both>>
  const own: readonly (readonly [string, 'guest' | 'ann', (given: Both) => unknown, all?: boolean])[] = [
    ['a job writes for its user', 'ann', async ({ app }) => void (await app.live.user('ann')).set('division', 5)],
    ['a browser value is first written', 'ann', ({ core, ann }) => merge(core, ann.name, 'theme', 'dark')],
    ['another process writes for its user', 'ann', ({ core, ann }) => merge(core, ann.subject, 'division', 5)],
    ['another process writes for its guest', 'guest', ({ core, guest }) => merge(core, guest.name, 'division', 5)],
    ['a ticket brings a key of another build', 'ann', ({ core, ann }) => brought(core, ann)],
    ['its user is revoked', 'ann', ({ app }) => app.live.revoke('ann')],
    ['its user is erased', 'ann', ({ app }) => app.live.erase('ann')],
    [
      'another process revokes its user',
      'ann',
      ({ core, ann }) => core.revocations.applyFromNode(ann.subject, end(core)),
    ],
    [
      'the store reports a revocation',
      'ann',
      ({ core, ann }) => core.revocations.applyFromStore(ann.subject, end(core)),
    ],
    ['a newer epoch arrives', 'ann', ({ core, ann }) => core.revocations.adoptEpoch(ann.cookie.user as never, 7)],
    ['a newer generation arrives', 'ann', ({ core, ann }) => core.values.startGeneration(ann.subject, 7)],
    ['its guest leaves', 'guest', ({ core, guest }) => core.revocations.retire(guest.name, undefined)],
    [
      'its guest leaves at another node',
      'guest',
      ({ core, guest }) => core.revocations.applyFromNode(guest.name, end(core)),
    ],
    ['its user signs out in its browser', 'ann', ({ core, ann }) => core.revocations.retire(ann.name, undefined)],
    ['memory evicts its user', 'ann', ({ core, ann }) => core.memory.evict(ann.subject), true],
    ['memory is emptied', 'guest', ({ app }) => emptyCache(app.live), true],
  ]

  it.each(own)('is invalidated for the visitor concerned when %s', async (_, which, act, all = false) => {
    const given = await both()
    const { guest, ann, bob } = given
    const others = [guest, ann, bob].filter((visitor) => visitor !== given[which])
    const before = others.map(({ cookie }) => cookie.memo)
    await act(given)
    expect(given[which].cookie.memo === undefined).toBe(true)
    const isKept = others.map(({ cookie }, i) => cookie.memo !== undefined && cookie.memo === before[i])
    expect(isKept).toEqual(others.map(() => !all))
  })

  it('is repeated when an eviction is due', async () => {
    const { app, core, guest } = await both()
    app.clock.advance(DAY - 1)
    const { memo } = guest.cookie
    await guest.read()
    expect(guest.cookie.memo === memo).toBe(true)
    const merging = jest.spyOn(core.values, 'merge')
    app.clock.advance(1)
    expect(await guest.read()).toBe('1')
    expect(guest.cookie.memo === memo).toBe(false)
    expect(merging).toHaveBeenCalledTimes(1)
  })

  it('is evicted with its cookie text', async () => {
    const { core, guest } = await both({ maxGuestBytes: 1_000_000 })
    come(core, newcomers(core, 2000))
    expect(guest.cookie.memo === undefined).toBe(true)
    expect(await guest.read()).toBe('1')
  })
})

type Core = ReturnType<typeof coreOf>

/** Returns the cookies of new guests. */
function newcomers(core: Core, count: number): readonly string[] {
  return Array.from({ length: count }, () =>
    core.cookie.header({ browser: newBrowserId(), user: undefined, epoch: 0, registers: [] }),
  )
}

function come(core: Core, cookies: readonly string[]): void {
  for (const cookie of cookies) core.identities.recognize(core.cookie.read({ headers: { cookie } }), undefined)
}

function merge(core: Core, subject: Subject, key: string, value: string | number): void {
  core.values.merge(subject, [{ key, stamp: nextStamp(core.settings.clock(), NEVER), value }], 'node')
}

async function brought(core: Core, { read, subject }: { read(): Promise<string>; subject: Subject }): Promise<void> {
  const register = { key: 'newer', stamp: nextStamp(core.settings.clock(), NEVER), value: 1 }
  core.values.merge(subject, [register], 'node')
  await read()
  core.values.merge(subject, [register], 'ticket')
}

function end(core: Core): Revocation {
  return { epoch: core.settings.clock(), rotatedTo: undefined }
}
