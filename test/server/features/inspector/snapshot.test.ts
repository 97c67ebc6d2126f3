import { afterEach, expect, it } from '@jest/globals'
import Koa from 'koa'
import { type LiveSessionOptions, liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { memoryStore, testClock } from 'koa-live-session/testing'
import { z } from 'zod'
import { type NodeSnapshot, snapshotOf, type ValueSnapshot } from '../../../../server/features/inspector/snapshot.js'
import { coreOf } from '../../../../server/plugin.js'
import { type Subject, userSubject } from '../../../../server/subjects/subject.js'
import type { JsonValue } from '../../../../shared/json.js'
import { toStamp } from '../../../../shared/stamp.js'

const HOUR = 60 * 60 * 1000

const fields = defineFields({
  division: { schema: z.number().int(), default: -1, client: 'write', maxBytes: 100 },
  note: { schema: z.string(), default: '', client: 'write', cookie: false },
  code: { schema: z.string(), default: '', maxAge: HOUR },
  pin: { schema: z.string(), default: '', client: 'hidden' },
})

const plugins: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const plugin of plugins.splice(0)) await plugin.close()
})

function start(options: Pick<LiveSessionOptions<typeof fields>, 'cache' | 'onError' | 'store'> = {}) {
  const clock = testClock()
  const app = new Koa({ keys: ['a secret of at least thirty-two bytes'] })
  const live = liveSession(app, { fields, clock: clock.now, store: memoryStore(), ...options })
  plugins.push(live)
  const core = coreOf(live)
  const snapshot = (): NodeSnapshot => {
    return snapshotOf(core, { entries: [...core.memory.entries()], hasMore: false, refusals: [] })
  }
  const put = (subject: Subject, key: string, value: JsonValue | undefined, stamp = clock.now()): void => {
    core.values.merge(subject, [{ key, stamp: toStamp(stamp), value }], 'socket')
  }
  return { app, clock, core, live, put, snapshot }
}

const ann = userSubject('ann')

function valueAt(snapshot: NodeSnapshot, key: string): ValueSnapshot | undefined {
  return snapshot.subjects[0]?.values.find((value) => value.key === key)
}

it('a snapshot reveals no undeclared value, which another build may hide', () => {
  const { put, snapshot } = start()
  put(ann, 'other', 'canary')
  expect(JSON.stringify(snapshot())).not.toContain('canary')
  expect(valueAt(snapshot(), 'other')).toMatchObject({ state: 'undeclared', json: undefined })
})

it('a snapshot marks unreadable, expired and deleted values', () => {
  const { clock, put, snapshot } = start()
  put(ann, 'division', 'three')
  put(ann, 'code', 'x', clock.now() - HOUR - 1)
  put(ann, 'note', undefined)
  expect(valueAt(snapshot(), 'division')).toMatchObject({ state: 'unreadable', json: '"three"' })
  expect(valueAt(snapshot(), 'code')).toMatchObject({ state: 'expired', json: '"x"' })
  expect(valueAt(snapshot(), 'note')).toMatchObject({ state: 'deleted', json: undefined, bytes: undefined })
})

it('a snapshot truncates a long value, and shows its length', () => {
  const { put, snapshot } = start()
  put(ann, 'note', '🍵'.repeat(5000))
  const { json = '' } = valueAt(snapshot(), 'note') ?? {}
  expect(json.length).toBeLessThan(600)
  expect(json).toMatch(/^"(🍵)+… \(10,002 characters\)$/u)
})

it('a snapshot shows unsaved values and the state of the store', async () => {
  const store = memoryStore()
  const { live, snapshot } = start({ store, onError: () => undefined })
  const user = await live.user('ann')
  expect(snapshot().store).toEqual({ state: 'good', unsaved: 0 })
  store.fail(Number.POSITIVE_INFINITY)
  await user.set('division', 3)
  expect(snapshot().store).toEqual({ state: 'down', unsaved: 1 })
  expect(snapshot().subjects[0]).toMatchObject({ unsaved: ['division'] })
  expect(valueAt(snapshot(), 'division')?.places).toEqual(['cache'])
  store.fail(0)
  await live.settled()
  expect(snapshot().store).toEqual({ state: 'good', unsaved: 0 })
  expect(valueAt(snapshot(), 'division')?.places).toEqual(['cache', 'store'])
})

it('a snapshot does not count as a use of its subjects', () => {
  const { core, put, snapshot } = start({ cache: { maxVisitors: 4 } })
  for (const user of ['a', 'b', 'c', 'd']) {
    put(userSubject(user), 'division', 3)
    snapshot()
  }
  put(userSubject('e'), 'division', 3)
  expect(core.memory.find(userSubject('a'))).toBeUndefined()
  expect(core.memory.find(userSubject('d'))).toBeDefined()
})
