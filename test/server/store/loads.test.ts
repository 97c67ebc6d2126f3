import { describe, expect, it } from '@jest/globals'
import { GuestMemory } from '../../../server/memory/guest-memory.js'
import { Loads } from '../../../server/store/loads.js'
import { type Subject, userSubject } from '../../../server/subjects/subject.js'
import type { StoredRegister } from '../../../server/types/store.js'
import { Replica } from '../../../shared/replica.js'
import { HeldStore } from '../../support/app/held-store.js'
import { register } from '../../support/app/register.js'
import { holdTimers, pass, TIMEOUT, validatedStore, watch } from '../../support/app/store-parts.js'
import { turn } from '../../support/app/within.js'

const ANN = userSubject('ann')
const BOB = userSubject('bob')
const REFRESH = 60_000

function createLoads({ hasAdapter = false } = {}) {
  const store = new HeldStore()
  const watched = watch()
  const memory = new Map<Subject, Replica>()
  const loaded: [Subject, readonly StoredRegister[]][] = []
  const found = { find: (subject: Subject) => memory.get(subject), pinnedSubjects: () => [] }
  const merge = (subject: Subject, rows: readonly StoredRegister[]): number => {
    loaded.push([subject, rows])
    if (rows.length > 0) memory.set(subject, new Replica())
    return rows.length
  }
  const core = {
    revocations: { revocationsOf: () => [], generation: () => 0 },
    guestMemory: new GuestMemory(1e6),
    nodes: { hasAdapter, broadcast: () => undefined },
    values: { find: found.find, merge, startGeneration: () => true },
    settings: { maxVisitors: 10, storeRefresh: REFRESH, clock: watched.clock.now },
    memory: found,
  }
  const queue = { size: 0, addMissing: () => undefined }
  const loads = new Loads(validatedStore(store, watched), watched.breaker, queue as never, core as never, () => false)
  const evict = (): void => {
    memory.clear()
    loads.forgetEmpty()
  }
  const load = async (subject: Subject = ANN): Promise<void> => {
    void loads.loadIfStale([subject])
    await turn()
    await store.next.answer()
  }
  return { ...watched, store, loads, load, loaded, memory, evict }
}

async function isSettled(promise: Promise<unknown> | undefined): Promise<boolean> {
  let is = false
  void promise?.then(() => {
    is = true
  })
  await turn()
  return is
}

holdTimers()

describe('Loads', () => {
  it('shares a call per subject among concurrent requests', async () => {
    const { loads, store } = createLoads()
    const waiting = Array.from({ length: 1000 }, () => loads.loadIfStale([ANN, BOB]))
    await turn()
    expect(store.calls.map(({ subject }) => subject)).toEqual([ANN, BOB])
    for (const call of [...store.open]) await call.answer()
    expect(await Promise.all(waiting)).toHaveLength(1000)
    expect(loads.loadIfStale([ANN, BOB])).toBeUndefined()
  })

  it('stops waiting at the deadline, and merges the late answer', async () => {
    const made = createLoads()
    const { loads, store, loaded } = made
    await store.content.merge(ANN, [register('a', 1, 1)])
    const waiting = loads.loadIfStale([ANN])
    await pass(made, TIMEOUT - 1)
    expect(await isSettled(waiting)).toBe(false)
    await pass(made, 1)
    expect(await isSettled(waiting)).toBe(true)
    expect([loaded, loads.isLoaded(ANN)]).toEqual([[], false])
    // The call is still in flight, so a second request neither waits for it nor repeats it.
    expect(loads.loadIfStale([ANN])).toBeUndefined()
    expect(store.calls.length).toBe(1)
    await store.next.answer()
    expect([loaded, loads.isLoaded(ANN)]).toEqual([[[ANN, [register('a', 1, 1)]]], true])
  })

  it('lets requests wait again after a slow store answers in time', async () => {
    const made = createLoads()
    const { loads, store, breaker } = made
    void loads.loadIfStale([ANN])
    await pass(made, TIMEOUT)
    await store.next.answer()
    expect([breaker.state, loads.loadIfStale([BOB])]).toEqual(['slow', undefined])
    await turn()
    await store.next.answer()
    expect(breaker.state).toBe('good')
    expect(loads.loadIfStale([userSubject('carl')])).toBeInstanceOf(Promise)
  })

  it('reloads an evicted subject, even with newer values from elsewhere', async () => {
    const { loads, store, load, memory, evict } = createLoads()
    await store.content.merge(ANN, [register('a', 1, 1)])
    for (const subject of [ANN, BOB]) await load(subject)
    expect([loads.isLoaded(ANN), loads.isLoaded(BOB)]).toEqual([true, true])
    evict()
    expect([loads.isLoaded(ANN), loads.isLoaded(BOB)]).toEqual([false, false])
    // A cookie, or another node, has brought a value since.
    memory.set(ANN, Replica.of([register('b', 2, 2)], 'node'))
    expect(loads.isLoaded(ANN)).toBe(false)
    void loads.loadIfStale([ANN])
    await turn()
    expect(store.open.size).toBe(1)
  })

  it('reloads after the clock was set back', async () => {
    const { loads, load, clock } = createLoads()
    await load()
    clock.advance(-REFRESH)
    expect(loads.isFresh(ANN)).toBe(false)
  })

  it.each<[string, boolean, (made: ReturnType<typeof createLoads>) => void]>([
    ['stale', false, ({ clock }) => clock.advance(REFRESH)],
    ['evicted', true, ({ evict }) => evict()],
    ['last loaded ten intervals ago', true, ({ clock }) => clock.advance(10 * REFRESH)],
  ])('with an adapter, reloads a subject that is %s; requests wait: %s', async (_, waits, change) => {
    const made = createLoads({ hasAdapter: true })
    const { loads, store, load } = made
    await store.content.merge(ANN, [register('a', 1, 1)])
    await load()
    change(made)
    expect(loads.loadIfStale([ANN]) !== undefined).toBe(waits)
    await turn()
    expect(store.open.size).toBe(1)
  })

  it('sends a failing store a single load', async () => {
    const { loads, store, breaker } = createLoads()
    void loads.loadIfStale([ANN])
    await turn()
    await store.next.fail()
    expect(breaker.state).toBe('down')
    for (let id = 0; id < 100; id += 1) expect(loads.loadIfStale([userSubject(id)])).toBeUndefined()
    await turn()
    expect(store.open.size).toBe(1)
    await store.next.answer()
    expect(breaker.state).toBe('good')
  })
})
