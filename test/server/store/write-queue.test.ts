import { describe, expect, it } from '@jest/globals'
import { GuestMemory } from '../../../server/memory/guest-memory.js'
import { Memory } from '../../../server/memory/memory.js'
import { Loads } from '../../../server/store/loads.js'
import { WriteQueue } from '../../../server/store/write-queue.js'
import { type StoreKey, storeKey } from '../../../server/subjects/store-key.js'
import { browserSubject, type Subject, userSubject } from '../../../server/subjects/subject.js'
import type { StoredRegister } from '../../../server/types/store.js'
import { Replica } from '../../../shared/replica.js'
import { browserId } from '../../support/app/browser-id.js'
import { Gate } from '../../support/app/gate.js'
import { HeldStore } from '../../support/app/held-store.js'
import { register } from '../../support/app/register.js'
import { holdTimers, pass, TIMEOUT, validatedStore, watch } from '../../support/app/store-parts.js'
import { MINUTE } from '../../support/app/times.js'
import { turn } from '../../support/app/within.js'

holdTimers()

const ANN = userSubject('ann')
const BOB = userSubject('bob')

/** Ann’s stored name in generation 6, which an erasure has begun. */
const ANN_6 = 'user@6:s:ann'

type Row = Parameters<typeof register>
const registers = (rows: readonly Row[]) => rows.map((row) => register(...row))
const rowsOf = (found: readonly StoredRegister[]): unknown[] =>
  found.map(({ key, stamp, value }) => (value === undefined ? [key, stamp] : [key, stamp, value]))

/** The registers of an erasure or a revocation. */
const erased = (epoch: number, generation = epoch): Row[] => [
  ['$epoch', epoch],
  ['$generation', generation],
]

/** @param users names of former guests who have signed in since */
function createQueue(maxGuestBytes = Number.POSITIVE_INFINITY, users: ReadonlySet<StoreKey> = new Set()) {
  const watched = watch()
  const store = new HeldStore()
  const standing: unknown[] = []
  const evicted: StoreKey[] = []
  const late: StoreKey[] = []
  const generations = new Map<StoreKey, number>()
  const queue = new WriteQueue(validatedStore(store, watched), watched.breaker, {
    clock: watched.now,
    guestMemory: new GuestMemory(2 * maxGuestBytes),
    isGuest: (name) => name.startsWith('browser:') && !users.has(name),
    onEvict: (guest) => void evicted.push(guest),
    generation: (name) => generations.get(name) ?? 0,
    onStored: (_, rows) => void standing.push(rowsOf(rows)),
    onLate: (name) => void late.push(name),
  })
  const add = (...rows: readonly Row[]): void => queue.add(ANN, registers(rows))
  const fixture = {
    ...watched,
    queue,
    store,
    standing,
    evicted,
    late,
    add,
    /** Adds writes of Ann, and lets the call of the store begin. */
    write: async (...rows: readonly Row[]): Promise<void> => {
      add(...rows)
      await turn()
    },
    erase: (...left: readonly Row[]): void => queue.clear(ANN, registers(left)),
    /** Acts as if another process had erased Ann and begun generation 6. */
    abandon: (): void => {
      generations.set(ANN, 6)
      queue.discard(ANN, registers(erased(6)), ANN)
    },
    stored: async (name: string = ANN): Promise<unknown> => rowsOf(await store.content.load(name)),
    put: (rows: readonly Row[], name: string = ANN) => store.content.merge(name, registers(rows)),
    calls: (): unknown => store.calls.map((call) => rowsOf(call.registers)),
    /** Answers the first merge and the removal of an erasure. */
    clear: async (): Promise<void> => {
      for (const act of ['merge', 'remove']) {
        expect(store.next.act).toBe(act)
        await store.next.answer()
      }
    },
  }
  return fixture
}

describe('WriteQueue', () => {
  it('sends the newest write per key, one call at a time', async () => {
    const { queue, store, write, calls } = createQueue()
    for (const at of [1, 2, 3, 4]) await write(['a', at, at])
    expect(calls()).toEqual([[['a', 1, 1]]])
    await store.next.answer()
    expect(calls()).toEqual([[['a', 1, 1]], [['a', 4, 4]]])
    await store.next.answer()
    expect([store.open.size, queue.size]).toEqual([0, 0])
  })

  it('sends a write after those of another subject, or at the deadline', async () => {
    const fixture = createQueue()
    const { queue, store, write, calls } = fixture
    await write(['a', 1, 1])
    const begun = queue.addAfter(queue.storedLevel([ANN]), BOB, registers([['b', 1, 1]]))
    const all = queue.allStored()
    await turn()
    expect(calls()).toEqual([[['a', 1, 1]]])
    await store.next.answer()
    await begun
    expect(calls()).toEqual([[['a', 1, 1]], [['b', 1, 1]]])
    await store.next.answer()
    await all
    await write(['a', 2, 2])
    const late = queue.addAfter(queue.storedLevel([ANN]), BOB, registers([['b', 2, 2]]))
    await pass(fixture, TIMEOUT)
    await late
    expect(store.calls.at(-1)).toMatchObject({ subject: BOB, registers: [{ key: 'b', stamp: 2 }] })
  })

  it('sends a write after all that it waits for, even if one fails', async () => {
    const { queue, store } = createQueue()
    const [one, two] = [new Gate(), new Gate()]
    const first = queue.addAfter(one.pass(), BOB, registers([['a', 1, 1]]))
    const failing = two.pass().then(() => Promise.reject(new Error('failed')))
    const second = queue.addAfter(failing, BOB, registers([['b', 1, 1]]))
    one.open()
    await first
    await turn()
    expect(store.calls).toEqual([])
    two.open()
    await second
    await turn()
    expect(store.calls).toHaveLength(1)
  })

  it('writes at most 32 subjects at a time', async () => {
    const { queue, store } = createQueue()
    for (let id = 0; id < 40; id += 1) queue.add(userSubject(id), [register('a', 1, id)])
    await turn()
    expect(store.open.size).toBe(32)
    await store.next.answer()
    expect(store.calls.length).toBe(33)
  })

  it('confirms a repeated write without sending it again', async () => {
    const { queue, store, add, write } = createQueue()
    await write(['a', 1, 1])
    add(['a', 1, 1])
    const stored = queue.whenStored(ANN)
    await store.next.answer()
    expect([await stored, queue.size, store.calls.length]).toEqual([true, 0, 1])
  })

  describe('after an erasure by another process', () => {
    it('discards pending writes, and reports late writes', async () => {
      const { queue, store, late, add, write, put, abandon, stored } = createQueue()
      await write(['a', 4, 'late'])
      add(['b', 5, 'waits'], ['$epoch', 5])
      await store.content.remove(ANN)
      await put(erased(6))
      await put([['b', 7, 'new']], ANN_6)
      abandon()
      add(['a', 8, 'new'])
      await store.release()
      expect(await stored()).toEqual([...erased(6), ['a', 4, 'late']])
      expect(await stored(ANN_6)).toEqual([
        ['b', 7, 'new'],
        ['a', 8, 'new'],
      ])
      expect([queue.size, late]).toEqual([0, [ANN]])
    })

    it('stores later writes, even with earlier stamps', async () => {
      const { queue, store, add, write, abandon, stored } = createQueue()
      await write(['a', 9, 'of a faster clock'])
      abandon()
      add(['a', 8, 'new'])
      await store.release()
      expect(await stored()).toEqual([['a', 9, 'of a faster clock'], ...erased(6)])
      expect([await stored(ANN_6), queue.size]).toEqual([[['a', 8, 'new']], 0])
    })

    it('retries revocations after a failed write', async () => {
      const fixture = createQueue()
      const { store, add, put, abandon, stored } = fixture
      await put(erased(6))
      add(['a', 4, 'waits'])
      abandon()
      await turn()
      expect(store.next.act).toBe('merge')
      await store.next.fail()
      await pass(fixture, 100)
      await store.release()
      expect([await stored(), await stored(ANN_6)]).toEqual([erased(6), []])
    })

    it('completes its own pending erasure', async () => {
      const { store, add, write, erase, abandon, stored } = createQueue()
      await write(['a', 1, 1])
      erase(['$epoch', 2])
      add(['b', 3, 3])
      abandon()
      await store.release()
      expect([await stored(), await stored(ANN_6)]).toEqual([erased(6), []])
    })
  })

  describe('an erasure', () => {
    it('waits for the write in flight, then deletes its values', async () => {
      const { store, standing, write, erase, clear, stored } = createQueue()
      await write(['a', 1, 1])
      erase(['$epoch', 2])
      await turn()
      expect(store.open.size).toBe(1)
      await store.next.answer()
      expect(standing).toEqual([])
      await clear()
      await store.next.answer()
      expect(await stored()).toEqual([['$epoch', 2]])
    })

    it('keeps revocations of another process if the removal fails', async () => {
      const fixture = createQueue()
      const { store, put, erase, stored } = fixture
      await put(erased(6))
      erase(...erased(2))
      await turn()
      await store.call(0).answer()
      await store.content.remove(ANN)
      await store.call(1).fail()
      await pass(fixture, 100)
      await store.release()
      expect(await stored()).toEqual(erased(6))
    })

    it('keeps newer revocations of another process after failing halfway', async () => {
      const fixture = createQueue()
      const { store, standing, put, erase, clear, stored } = fixture
      await put([['a', 1, 1], ...erased(5)])
      erase(...erased(2))
      await turn()
      await clear()
      await store.next.fail()
      await pass(fixture, 100)
      await clear()
      await store.next.answer()
      expect([await stored(), standing]).toEqual([erased(5), [erased(5)]])
    })

    it('keeps its generation despite newer revocations', async () => {
      const { store, standing, put, write, erase, clear, stored } = createQueue()
      await put([
        ['a', 1, 'erased'],
        ['$epoch', 5],
      ])
      erase(...erased(4))
      await turn()
      await clear()
      await store.next.answer()
      expect(standing).toEqual([erased(5, 4)])
      await write(['$epoch', 6])
      await store.next.answer()
      expect(await stored()).toEqual(erased(6, 4))
    })

    it('restores a revocation after a failed attempt', async () => {
      const fixture = createQueue()
      const { store, write, erase, clear, stored } = fixture
      await write(['$epoch', 2])
      erase(['$epoch', 2])
      await store.next.answer()
      await store.call(1).answer()
      await store.call(2).fail()
      await pass(fixture, 100)
      await clear()
      await store.next.answer()
      expect(await stored()).toEqual([['$epoch', 2]])
    })

    it('keeps revocations of another process in a store without removeValues', async () => {
      const { store, put, erase, stored } = createQueue()
      Object.assign(store, { removeValues: undefined })
      await put([['a', 1, 1], ...erased(5)])
      erase(...erased(2))
      await turn()
      await store.release()
      expect(await stored()).toEqual(erased(5))
    })

    it('keeps an end by another process in a store without removeValues', async () => {
      const { store, put, erase, stored } = createQueue()
      Object.assign(store, { removeValues: undefined })
      await put([
        ['a', 1, 1],
        ['$epoch', 5],
      ])
      erase()
      await turn()
      await store.release()
      expect(await stored()).toEqual([['$epoch', 5]])
    })

    it('deletes only values of an earlier generation', async () => {
      const { queue, store, put, abandon, erase, stored } = createQueue()
      await put([['$generation', 4]])
      for (const name of ['user@4:s:ann', 'user@9:s:ann']) await put([['a', 5, 'a value']], name)
      abandon()
      erase(...erased(6))
      await store.release()
      await queue.allStored()
      expect(await stored('user@4:s:ann')).toEqual([])
      await put([['$generation', 9]])
      erase(...erased(6))
      await queue.allStored()
      expect(await stored('user@9:s:ann')).toEqual([['a', 5, 'a value']])
    })
  })

  it('retries rejected rows with backoff up to a minute, without delaying others', async () => {
    const fixture = createQueue()
    const { queue, store, clock, errors, states, write, stored } = fixture
    const rejected: number[] = []
    Object.assign(store, {
      merge: async (subject: string, rows: readonly StoredRegister[]) => {
        if (subject !== ANN) return store.content.merge(subject, rows)
        rejected.push(clock.now())
        throw new Error('rejected')
      },
    })
    await write(['a', 1, 1])
    for (let at = 0; at < 10 * 60; at += 1) {
      queue.add(BOB, [register('a', at + 1, at)])
      await pass(fixture, 1000)
      // Ann’s failures make the whole store back off briefly.
      if (at % 5 === 4) expect(await stored(BOB)).toEqual([['a', at + 1, at]])
    }
    const delays = rejected.slice(1).map((at, index) => at - (rejected[index] ?? 0))
    expect(rejected.length).toBeLessThan(40)
    expect(delays.at(-1)).toBeGreaterThanOrEqual(MINUTE)
    expect(Math.max(...delays)).toBeLessThan(MINUTE + 5000)
    expect([errors.length <= 10, states.length < 50]).toEqual([true, true])
    Object.assign(store, { merge: store.content.merge })
    await pass(fixture, 2 * MINUTE)
    expect(await stored()).toEqual([['a', 1, 1]])
  })

  describe('on a failing store', () => {
    it('reports only the first late write', async () => {
      const fixture = createQueue()
      const { store, late, add, write } = fixture
      await write(['a', 1, 1])
      await store.next.fail()
      await pass(fixture, 1000)
      for (let round = 0; round < 3; round += 1) {
        add(['b', 2, round])
        await store.next.answer()
      }
      expect(late).toEqual([ANN])
    })

    it('sends a single call, then stores everything', async () => {
      const fixture = createQueue()
      const { queue, store, states, errors, stored } = fixture
      for (let id = 0; id < 10; id += 1) queue.add(userSubject(id), [register('a', 1, id)])
      await turn()
      for (const call of [...store.open]) await call.fail()
      for (let failure = 0; failure < 12; failure += 1) {
        await pass(fixture, 2000)
        queue.add(userSubject(failure), [register('b', 2, failure)])
        await turn()
        expect(store.open.size).toBe(1)
        await store.next.fail()
      }
      await pass(fixture, 2000)
      while (store.open.size > 0) await store.next.answer()
      expect([queue.size, states, errors]).toMatchObject([0, ['down', 'good'], [{ code: 'store_unavailable' }]])
      expect(await stored(userSubject(3))).toEqual([
        ['a', 1, 3],
        ['b', 2, 3],
      ])
    })

    it('retries a call after ten seconds without an answer', async () => {
      const fixture = createQueue()
      const { queue, store, states, write, stored } = fixture
      await write(['a', 1, 1])
      await pass(fixture, 10_000)
      expect(states).toEqual(['slow', 'down'])
      await pass(fixture, 100)
      await store.call(1).answer()
      await pass(fixture, 2000)
      expect([queue.size, states.at(-1)]).toEqual([0, 'good'])
      await store.call(0).answer()
      expect(await stored()).toEqual([['a', 1, 1]])
    })
  })
})

describe('threat 57: unsaved writes of guests', () => {
  const guest = (index: number) => browserSubject(browserId(index))
  const kilobyte = register('a', 1, 'x'.repeat(1000))
  const startOutage = async (maxGuestBytes: number) => {
    const fixture = createQueue(maxGuestBytes)
    await fixture.write(['a', 1, 1])
    await fixture.store.next.fail()
    return fixture
  }
  function flood(queue: WriteQueue, from: number, to: number): void {
    for (let index = from; index < to; index += 1) queue.add(guest(index), [kilobyte])
  }

  it('resolve with false on eviction; later writes succeed', async () => {
    const fixture = await startOutage(10_000)
    const { queue, store } = fixture
    flood(queue, 0, 1)
    const stored = queue.whenStored(guest(0))
    flood(queue, 1, 10)
    expect(await stored).toBe(false)
    queue.add(guest(0), [register('b', 2, 1)])
    const later = queue.whenStored(guest(0))
    await pass(fixture, 100)
    for (let sent = 0; sent < 9; sent += 1) await store.next.answer()
    expect(await later).toBe(true)
    expect(rowsOf(store.calls.at(-1)?.registers ?? [])).toEqual([['b', 2, 1]])
  })

  it('stay evicted if their call in flight fails', async () => {
    const fixture = createQueue(10_000)
    const { queue, store } = fixture
    flood(queue, 0, 1)
    const stored = queue.whenStored(guest(0))
    await turn()
    flood(queue, 1, 10)
    expect(queue.of(guest(0))).toEqual([])
    await store.next.fail()
    expect(await stored).toBe(false)
    await store.release()
    await pass(fixture, 1000)
    expect(store.calls.filter(({ subject }) => subject === storeKey(guest(0)))).toHaveLength(1)
    expect(queue.size).toBe(0)
  })

  it('stay pending after the guest has become a user', async () => {
    const users = new Set<StoreKey>()
    const { queue, store } = createQueue(10_000, users)
    flood(queue, 0, 1)
    await turn()
    users.add(guest(0))
    await store.next.answer()
    queue.add(guest(0), [register('b', 2, 1)])
    flood(queue, 1, 30)
    expect(queue.of(guest(0))).toHaveLength(1)
    const stored = queue.whenStored(guest(0))
    await store.release()
    expect(await stored).toBe(true)
  })
})

const REFRESH = 60_000

function createLoads({ hasAdapter = false, waiting = 0 } = {}) {
  const store = new HeldStore()
  const watched = watch()
  const memory = new Memory({
    guestMemory: new GuestMemory(1e6),
    isInCookie: () => false,
    storeRefresh: REFRESH,
    clock: watched.clock.now,
  })
  const loaded: [Subject, readonly StoredRegister[]][] = []
  const merge = (subject: Subject, rows: readonly StoredRegister[]): number => {
    loaded.push([subject, rows])
    if (rows.length > 0) memory.add(subject, new Replica())
    return rows.length
  }
  const parts = {
    ends: { revocationsOf: () => [], generation: () => 0, learn: () => undefined },
    remotes: { nodes: { hasAdapter } },
    values: { find: (subject: Subject) => memory.find(subject), merge },
    settings: { storeRefresh: REFRESH, clock: watched.now },
    memory,
  }
  const queue = { size: waiting, of: () => [], isSending: false, addMissing: () => undefined }
  const loads = new Loads(validatedStore(store, watched), watched.breaker, queue as never, parts as never)
  const load = async (subject: Subject = ANN): Promise<void> => {
    void loads.loadIfStale([subject])
    await turn()
    await store.next.answer()
  }
  return { ...watched, store, loads, load, loaded, memory }
}

async function isSettled(promise: Promise<unknown> | undefined): Promise<boolean> {
  let is = false
  void promise?.then(() => {
    is = true
  })
  await turn()
  return is
}

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
    // The call is still in flight, so a second request waits for it, and does not repeat it.
    const second = loads.loadIfStale([ANN])
    expect([await isSettled(second), store.calls.length]).toEqual([false, 1])
    await store.next.answer()
    expect(await isSettled(second)).toBe(true)
    expect([loaded, loads.isLoaded(ANN)]).toEqual([[[ANN, [register('a', 1, 1)]]], true])
  })

  it('lets requests wait while the store is slow', async () => {
    const made = createLoads()
    const { loads, store, breaker } = made
    void loads.loadIfStale([ANN])
    await pass(made, TIMEOUT)
    await store.next.answer()
    expect([breaker.state, loads.loadIfStale([BOB])]).toEqual(['slow', expect.any(Promise)])
    await turn()
    await store.next.answer()
    expect(breaker.state).toBe('good')
  })

  it('reloads an evicted subject, even with newer values from elsewhere', async () => {
    const { loads, store, load, memory } = createLoads()
    await store.content.merge(ANN, [register('a', 1, 1)])
    for (const subject of [ANN, BOB]) await load(subject)
    expect([loads.isLoaded(ANN), loads.isLoaded(BOB)]).toEqual([true, true])
    memory.clear()
    expect([loads.isLoaded(ANN), loads.isLoaded(BOB)]).toEqual([false, false])
    // A cookie, or another node, has brought a value since.
    memory.add(ANN, Replica.of([register('b', 2, 2)], 'node'))
    expect(loads.isLoaded(ANN)).toBe(false)
    void loads.loadIfStale([ANN])
    await turn()
    expect(store.open.size).toBe(1)
  })

  it('reloads after the clock was set back', async () => {
    const { load, memory, clock } = createLoads()
    await load()
    clock.advance(-REFRESH)
    expect(memory.isLoaded(ANN, REFRESH)).toBe(false)
  })

  it.each<[string, boolean, (made: ReturnType<typeof createLoads>) => void]>([
    ['stale', false, ({ clock }) => clock.advance(REFRESH)],
    ['evicted', true, ({ memory }) => memory.clear()],
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

  it.each([0, 1])('asks an idle failed store again, with %i writes that wait for a backoff', async (waiting) => {
    const made = createLoads({ waiting })
    const { loads, store, breaker } = made
    void loads.loadIfStale([ANN])
    await turn()
    await store.next.fail()
    for (const ms of [50, 100]) {
      await pass(made, ms)
      expect([breaker.state, store.open.size]).toEqual(['down', 1])
      await (ms === 50 ? store.next.fail() : store.next.answer())
    }
    expect(breaker.state).toBe('good')
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
