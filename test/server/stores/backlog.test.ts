import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { GuestBytes } from '../../../server/kernel/memory/guest-bytes.js'
import { type StoredName, storeName } from '../../../server/kernel/names/stored-name.js'
import { browserSubject, userSubject } from '../../../server/kernel/names/subject.js'
import { Backlog } from '../../../server/kernel/remote/backlog.js'
import type { Store, StoredRow } from '../../../server/stores/store.js'
import { EPOCH_KEY } from '../../../shared/register.js'
import { browserId } from '../../support/app/browser-id.js'
import { HeldStore } from '../../support/app/held-store.js'
import { fc } from '../../support/app/property.js'
import { register } from '../../support/app/register.js'
import { atScale } from '../../support/app/scale.js'
import { holdTimers, pass, soundStore, type Watched, watch } from '../../support/app/store-parts.js'
import { turn } from '../../support/app/within.js'

const ANN = userSubject('ann')
const BOB = userSubject('bob')
const MINUTE = 60_000
/** Of an erasure. */
const ENDS = [register('$epoch', 6), register('$generation', 6)]
const ENDS_AS_STORED = [
  ['$epoch', 6, undefined],
  ['$generation', 6, undefined],
]

interface Parts<S extends Store> extends Watched {
  readonly store: S
  readonly backlog: Backlog
  /** What stood in the store, as it was told after writes. */
  readonly standing: (readonly StoredRow[])[]
  /** Guests of whom it has let go. */
  readonly letGo: StoredName[]
  /** Of what is to be looked at once more. */
  readonly late: StoredName[]
  /** Which generation of a subject's values counts. */
  readonly generations: Map<StoredName, number>
}

/** @param users names of those who no longer are guests */
function parts<S extends Store>(
  store: S,
  maxGuestBytes = Number.POSITIVE_INFINITY,
  users: ReadonlySet<StoredName> = new Set(),
): Parts<S> {
  const watched = watch()
  const standing: (readonly StoredRow[])[] = []
  const letGo: StoredName[] = []
  const generations = new Map<StoredName, number>()
  const late: StoredName[] = []
  const backlog = new Backlog(soundStore(store, watched), watched.health, {
    guestBytes: new GuestBytes(2 * maxGuestBytes),
    isGuest: (name) => name.startsWith('browser:') && !users.has(name),
    onLetGo: (guest) => void letGo.push(guest),
    generation: (name) => generations.get(name) ?? 0,
    onStanding: (_, rows) => void standing.push(rows),
    onLate: (name) => void late.push(name),
  })
  return { ...watched, store, backlog, standing, letGo, generations, late }
}

const held = (): Parts<HeldStore> => parts(new HeldStore())
const rowsOf = (call: { readonly registers: readonly StoredRow[] }): unknown[] =>
  call.registers.map(({ key, stamp, value }) => [key, stamp, value])

holdTimers()

describe('Backlog', () => {
  it('writes what a turn has added in one call', async () => {
    const { backlog, store } = held()
    backlog.add(ANN, [register('a', 1, 'x')])
    backlog.add(ANN, [register('b', 2, 'y'), register('a', 3, 'z')])
    await turn()
    expect(store.calls.map(rowsOf)).toEqual([
      [
        ['a', 3, 'z'],
        ['b', 2, 'y'],
      ],
    ])
  })

  it('keeps the newest per key while a write is under way, and makes one call at a time for a subject', async () => {
    const { backlog, store } = held()
    for (const at of [1, 2, 3, 4]) {
      backlog.add(ANN, [register('a', at, at)])
      await turn()
    }
    expect(store.calls.map(rowsOf)).toEqual([[['a', 1, 1]]])
    await store.next.answer()
    expect(store.calls.map(rowsOf)).toEqual([[['a', 1, 1]], [['a', 4, 4]]])
    await store.next.answer()
    expect([store.open.size, backlog.size]).toEqual([0, 0])
  })

  it('writes for other subjects meanwhile, and for no more than 32 at a time', async () => {
    const { backlog, store } = held()
    for (let id = 0; id < 40; id += 1) backlog.add(userSubject(id), [register('a', 1, id)])
    await turn()
    expect(store.open.size).toBe(32)
    await store.next.answer()
    expect(store.calls.length).toBe(33)
  })

  it('sends nothing twice that was added again on its way, and says then that it is stored', async () => {
    const { backlog, store } = held()
    backlog.add(ANN, [register('a', 1, 1)])
    await turn()
    backlog.add(ANN, [register('a', 1, 1)])
    const stored = backlog.stored(ANN)
    await store.next.answer()
    expect([await stored, backlog.size, store.calls.length]).toEqual([true, 0, 1])
  })

  describe('what another process has erased', () => {
    /** All that was stored under both names. */
    const content = async ({ content }: HeldStore): Promise<unknown> => [
      rowsOf({ registers: await content.load(ANN) }),
      rowsOf({ registers: await content.load('user@6:s:ann') }),
    ]

    it('goes nowhere where it waits, and is looked for where it was under way; what that process has stored stays', async () => {
      const { backlog, store, generations, late } = held()
      backlog.add(ANN, [register('a', 4, 'late')])
      await turn()
      backlog.add(ANN, [register('b', 5, 'waits'), register('$epoch', 5)])
      // The other process erases all.
      await store.content.remove(ANN)
      await store.content.merge(ANN, [register('$epoch', 6), register('$generation', 6)])
      await store.content.merge('user@6:s:ann', [register('b', 7, 'new')])
      generations.set(ANN, 6)
      backlog.abandon(ANN, ENDS, ANN)
      backlog.add(ANN, [register('a', 8, 'new')])
      await store.release()
      expect(await content(store)).toEqual([
        [...ENDS_AS_STORED, ['a', 4, 'late']],
        [
          ['b', 7, 'new'],
          ['a', 8, 'new'],
        ],
      ])
      expect([backlog.size, late]).toEqual([0, [ANN]])
    })

    it('does not count as what was set since, whose stamp may be an earlier one', async () => {
      const { backlog, store, generations } = held()
      backlog.add(ANN, [register('a', 9, 'of a faster clock')])
      await turn()
      generations.set(ANN, 6)
      backlog.abandon(ANN, ENDS, ANN)
      backlog.add(ANN, [register('a', 8, 'new')])
      await store.release()
      expect(await content(store)).toEqual([[['a', 9, 'of a faster clock'], ...ENDS_AS_STORED], [['a', 8, 'new']]])
      expect(backlog.size).toBe(0)
    })

    it('stands under no name of after, where this process hears of it in the very turn in which it sends', async () => {
      const { backlog, store, generations, late } = held()
      jest.spyOn(generations, 'get').mockReturnValueOnce(0).mockReturnValue(6)
      backlog.add(ANN, [register('a', 4, 'before')])
      await turn()
      await store.release()
      expect(await store.content.load('user@6:s:ann')).toEqual([])
      expect(late).toEqual([ANN])
    })

    it('retries the end markers whose first write fails', async () => {
      const parts = held()
      const { backlog, store, generations } = parts
      await store.content.merge(ANN, ENDS)
      backlog.add(ANN, [register('a', 4, 'waits')])
      generations.set(ANN, 6)
      backlog.abandon(ANN, ENDS, ANN)
      await turn()
      expect(store.next.act).toBe('merge')
      await store.next.fail()
      await pass(parts, 100)
      await store.release()
      expect(await content(store)).toEqual([ENDS_AS_STORED, []])
    })

    it('leaves an erasure of its own that waits, without what was written since', async () => {
      const { backlog, store, generations } = held()
      backlog.add(ANN, [register('a', 1, 1)])
      await turn()
      backlog.erase(ANN, [register('$epoch', 2)])
      backlog.add(ANN, [register('b', 3, 3)])
      generations.set(ANN, 6)
      backlog.abandon(ANN, ENDS, ANN)
      await store.release()
      expect(await content(store)).toEqual([ENDS_AS_STORED, []])
    })
  })

  describe('an erasure', () => {
    it('keeps end markers of another process if the removal reports an error', async () => {
      const parts = held()
      const { backlog, store } = parts
      await store.content.merge(ANN, ENDS)
      backlog.erase(ANN, [register('$epoch', 2), register('$generation', 2)])
      await turn()
      await store.call(0).answer()
      await store.content.remove(ANN)
      await store.call(1).fail()
      await pass(parts, 100)
      await store.release()
      expect(await store.content.load(ANN)).toEqual(ENDS)
    })

    /** The store has looked up what had ended, and has removed all. */
    async function cleared(store: HeldStore): Promise<void> {
      for (const act of ['load', 'remove']) {
        expect(store.next.act).toBe(act)
        await store.next.answer()
      }
    }

    /** All is removed, and the write fails; both are made once more. */
    async function failsHalfWay(parts: Parts<HeldStore>): Promise<void> {
      const { store } = parts
      await turn()
      await cleared(store)
      await store.next.fail()
      await pass(parts, 100)
      await cleared(store)
      await store.next.answer()
    }

    it('waits for a write under way, which brings nothing back', async () => {
      const { backlog, store, standing } = held()
      backlog.add(ANN, [register('a', 1, 1)])
      await turn()
      backlog.erase(ANN, [register('$epoch', 2)])
      await turn()
      expect(store.open.size).toBe(1)
      await store.next.answer()
      expect(standing).toEqual([])
      await cleared(store)
      await store.next.answer()
      expect(await store.content.load(ANN)).toEqual([register('$epoch', 2)])
    })

    it('leaves a later end that another process has stored, also where it failed half way', async () => {
      const parts = held()
      const { backlog, store, standing } = parts
      await store.content.merge(ANN, [register('a', 1, 1), register('$epoch', 5), register('$generation', 5)])
      backlog.erase(ANN, [register('$epoch', 2), register('$generation', 2)])
      await failsHalfWay(parts)
      const left = [register('$epoch', 5), register('$generation', 5)]
      expect(await store.content.load(ANN)).toEqual(left)
      expect(standing).toEqual([left])
    })

    it('is not covered by a revocation of another process that has not heard of it, sooner or later', async () => {
      const { backlog, store, standing } = held()
      await store.content.merge(ANN, [register('a', 1, 'erased'), register('$epoch', 5)])
      backlog.erase(ANN, [register('$epoch', 4), register('$generation', 4)])
      await turn()
      await cleared(store)
      await store.next.answer()
      expect(standing).toEqual([[register('$epoch', 5), register('$generation', 4)]])
      backlog.add(ANN, [register('$epoch', 6)])
      await turn()
      await store.next.answer()
      expect(await store.content.load(ANN)).toEqual([register('$epoch', 6), register('$generation', 4)])
    })

    it('writes an end again that was on its way, as the erasure may have removed it', async () => {
      const parts = held()
      const { backlog, store } = parts
      backlog.add(ANN, [register('$epoch', 2)])
      await turn()
      backlog.erase(ANN, [register('$epoch', 2)])
      await store.next.answer()
      await store.call(1).fail()
      await store.call(2).answer()
      await pass(parts, 100)
      await cleared(store)
      await store.next.answer()
      expect(await store.content.load(ANN)).toEqual([register('$epoch', 2)])
    })

    it('clears the name of an earlier erasure, too, of which this process has not heard; not that of a later one', async () => {
      const { backlog, store, generations } = held()
      await store.content.merge(ANN, [register('$generation', 4)])
      for (const name of ['user@4:s:ann', 'user@9:s:ann'])
        await store.content.merge(name, [register('a', 5, 'a value')])
      generations.set(ANN, 6)
      backlog.erase(ANN, ENDS)
      await store.release()
      await backlog.allStored()
      expect(await store.content.load('user@4:s:ann')).toEqual([])
      await store.content.merge(ANN, [register('$generation', 9)])
      backlog.erase(ANN, ENDS)
      await backlog.allStored()
      expect(await store.content.load('user@9:s:ann')).toEqual([register('a', 5, 'a value')])
    })

    it('waits for both of what it has asked, where one has failed', async () => {
      const parts = held()
      const { backlog, store } = parts
      backlog.erase(ANN, [register('$epoch', 2)])
      await turn()
      await store.call(0).fail()
      await pass(parts, 100)
      expect(store.calls.length).toBe(2)
      await store.call(1).answer()
      await pass(parts, 100)
      expect(store.calls.length).toBe(4)
    })

    it('says of a subject only what comes after it', async () => {
      const { backlog } = held()
      backlog.add(ANN, [register('a', 1, 1)])
      await turn()
      backlog.erase(ANN, [register('$epoch', 2)])
      expect(backlog.of(ANN)).toEqual([register('$epoch', 2)])
    })
  })

  describe('a subject whose rows the store refuses', () => {
    /** Ann's rows are refused, all others are taken. */
    function refusing() {
      const made = held()
      const refused: number[] = []
      Object.assign(made.store, {
        merge: (subject: string, rows: readonly StoredRow[]) => {
          if (subject !== ANN) return made.store.content.merge(subject, rows)
          refused.push(made.clock.now())
          return Promise.reject(new Error('no row of hers'))
        },
      })
      return { ...made, refused }
    }

    it('rests for up to a minute while others are stored, and floods no log', async () => {
      const made = refusing()
      const { backlog, store, refused, errors, states } = made
      backlog.add(ANN, [register('a', 1, 1)])
      await turn()
      for (let at = 0; at < 10 * 60; at += 1) {
        backlog.add(BOB, [register('a', at + 1, at)])
        await pass(made, 1000)
        // A pause of the store's own comes between now and then.
        if (at % 5 === 4) expect(await store.content.load(BOB)).toEqual([register('a', at + 1, at)])
      }
      const pauses = refused.slice(1).map((at, index) => at - (refused[index] ?? 0))
      expect(refused.length).toBeLessThan(40)
      expect(pauses.at(-1)).toBeGreaterThanOrEqual(MINUTE)
      // The store's own pause comes on top.
      expect(Math.max(...pauses)).toBeLessThan(MINUTE + 5000)
      expect(errors.length).toBeLessThanOrEqual(10)
      expect(states.length).toBeLessThan(50)
    })

    it('is stored when its rows are taken', async () => {
      const made = refusing()
      const { backlog, store } = made
      backlog.add(ANN, [register('a', 1, 1)])
      await pass(made, MINUTE)
      Object.assign(store, { merge: made.store.content.merge })
      const stored = backlog.stored(ANN)
      await pass(made, MINUTE)
      await stored
      expect(await store.content.load(ANN)).toEqual([register('a', 1, 1)])
    })
  })

  describe('an outage', () => {
    it('has what is stored after it looked at once more, but not for ever: a store may lose what it was told', async () => {
      const made = held()
      const { backlog, store, late } = made
      backlog.add(ANN, [register('a', 1, 1)])
      await turn()
      await store.next.fail()
      await pass(made, 1000)
      for (let round = 0; round < 3; round += 1) {
        backlog.add(ANN, [register('b', 2, round)])
        await store.next.answer()
      }
      expect(late).toEqual([ANN])
    })

    it('is asked one thing at a time, and everything is stored when it is over', async () => {
      const made = held()
      const { backlog, store, health, states, errors } = made
      for (let id = 0; id < 10; id += 1) backlog.add(userSubject(id), [register('a', 1, id)])
      await turn()
      for (const call of [...store.open]) await call.fail()
      expect(health.state).toBe('down')
      for (let failure = 0; failure < 12; failure += 1) {
        await pass(made, 2000)
        backlog.add(userSubject(failure), [register('b', 2, failure)])
        await turn()
        expect(store.open.size).toBe(1)
        await store.next.fail()
      }
      await pass(made, 2000)
      while (store.open.size > 0) await store.next.answer()
      expect(backlog.size).toBe(0)
      expect(await store.content.load(userSubject(3))).toEqual([register('a', 1, 3), register('b', 2, 3)])
      expect(states).toEqual(['down', 'good'])
      expect(errors).toMatchObject([{ code: 'store_unavailable' }])
    })

    it('counts a call that has no answer after ten seconds as failed, and tries again', async () => {
      const made = held()
      const { backlog, store, states } = made
      backlog.add(ANN, [register('a', 1, 1)])
      await pass(made, 10_000)
      expect(states).toEqual(['slow', 'down'])
      await pass(made, 100)
      expect(store.calls.length).toBe(2)
      await store.call(1).answer()
      await pass(made, 2000)
      expect([backlog.size, states.at(-1)]).toEqual([0, 'good'])
      // And should it answer after all:
      await store.call(0).answer()
      expect(await store.content.load(ANN)).toEqual([register('a', 1, 1)])
    })

    it('is one of a store that throws before it has a promise', async () => {
      const store = new HeldStore()
      const made = parts(store)
      Object.assign(store, {
        merge: () => {
          throw new Error('at once')
        },
      })
      made.backlog.add(ANN, [register('a', 1, 1)])
      await turn()
      expect(made.states).toEqual(['down'])
      Object.assign(store, { merge: store.content.merge })
      await pass(made, 1000)
      expect(await store.content.load(ANN)).toEqual([register('a', 1, 1)])
    })

    it.each([undefined, null, {}, 'OK'])('is one of a store that answers a write with %p', async (answer) => {
      const store = new HeldStore()
      const made = parts(store)
      Object.assign(store, { merge: async () => answer })
      made.backlog.add(ANN, [register('a', 1, 1)])
      await turn()
      const cause = expect.objectContaining({ message: expect.stringContaining('expected a list of registers') })
      expect(made.errors).toMatchObject([{ code: 'store_unavailable', cause }])
    })
  })

  it('says when what was added until then is stored, and not before', async () => {
    const made = held()
    const { backlog, store } = made
    let isStored = false
    backlog.add(ANN, [register('a', 1, 1)])
    await turn()
    backlog.add(ANN, [register('a', 2, 2)])
    void backlog.allStored().then(() => {
      isStored = true
    })
    await store.next.fail()
    expect(isStored).toBe(false)
    await pass(made, 1000)
    expect(rowsOf(store.next)).toEqual([['a', 2, 2]])
    await store.next.answer()
    expect(isStored).toBe(true)
    await backlog.stored(ANN)
  })

  it('asks nothing any more once it is closed', async () => {
    const made = held()
    const { backlog, store, health } = made
    backlog.add(ANN, [register('a', 1, 1)])
    await turn()
    await store.next.fail()
    health.close()
    backlog.add(BOB, [register('a', 1, 1)])
    await pass(made, 10 * MINUTE)
    expect(store.calls.length).toBe(1)
  })

  it('comes to the newest of each key, whatever fails or is late', async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ act: fc.constant('add' as const), subject: fc.nat(2), key: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.record({ act: fc.constant('erase' as const), subject: fc.nat(2) }) },
      { weight: 2, arbitrary: fc.record({ act: fc.constantFrom('answer', 'fail'), which: fc.nat(5) }) },
      { weight: 2, arbitrary: fc.record({ act: fc.constant('pass' as const), ms: fc.constantFrom(1, 50, 300, 3000) }) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const made = held()
        const { backlog, store } = made
        const wanted = new Map<string, Map<string, StoredRow>>()
        const begun = new Map<unknown, number>()
        let at = 0
        for (const each of steps) {
          at += 1
          if (each.act === 'add' || each.act === 'erase') {
            const subject = userSubject(each.subject)
            const rows = each.act === 'add' ? (wanted.get(subject) ?? new Map<string, StoredRow>()) : new Map()
            const row = each.act === 'add' ? register(`k${each.key}`, at, at) : register('$epoch', at)
            wanted.set(subject, rows.set(row.key, row))
            if (each.act === 'add') backlog.add(subject, [row])
            else backlog.erase(subject, [row])
            await turn()
          } else if (each.act === 'pass') {
            await pass(made, each.ms)
            // What has no answer for so long never has one.
            for (const call of store.open)
              if (made.clock.now() - (begun.get(call) ?? 0) >= 10_000) store.open.delete(call)
          } else {
            const call = [...store.open][each.which % Math.max(1, store.open.size)]
            await (each.act === 'answer' ? call?.answer() : call?.fail())
          }
          for (const call of store.open) if (!begun.has(call)) begun.set(call, made.clock.now())
          // What stands there is looked up together with a removal.
          const subjects = [...store.open].filter(({ act }) => act !== 'load').map(({ subject }) => subject)
          expect(new Set(subjects).size).toBe(subjects.length)
        }
        for (let round = 0; backlog.size > 0 && round < 200; round += 1) {
          while (store.open.size > 0) await store.next.answer()
          await pass(made, 60_000)
        }
        const found = await Promise.all([...wanted.keys()].map((subject) => store.content.load(subject)))
        const byKey = (rows: Iterable<StoredRow>): StoredRow[] => [...rows].sort((a, b) => (a.key < b.key ? -1 : 1))
        expect(found.map(byKey)).toEqual([...wanted.values()].map((rows) => byKey(rows.values())))
      }),
      { numRuns: atScale(50, 200) },
    )
  })
})

afterEach(() => void jest.restoreAllMocks())

describe('threat 57: what guests have set, while the store is down', () => {
  const guest = (index: number) => browserSubject(browserId(index))
  const kilobyte = 'x'.repeat(1000)
  const outage = async (maxGuestBytes: number) => {
    const all = parts(new HeldStore(), maxGuestBytes)
    all.backlog.add(ANN, [register('a', 1, 1)])
    await turn()
    await all.store.next.fail()
    return all
  }

  it('is let go, of those who have waited for longest first, where there is no more room', async () => {
    const { backlog, letGo } = await outage(10_000)
    for (let index = 0; index < 100; index += 1) backlog.add(guest(index), [register('a', 1, kilobyte)])
    const waiting = Array.from({ length: 100 }, (_, index) => index).filter(
      (index) => backlog.of(guest(index)).length > 0,
    )
    expect(waiting).toEqual([93, 94, 95, 96, 97, 98, 99])
    expect(letGo).toEqual(Array.from({ length: 93 }, (_, index) => guest(index)))
    expect(backlog.size).toBe(8)
  })

  it('is said not to be stored, and a later write of that guest is', async () => {
    const { backlog, store, ...watched } = await outage(10_000)
    backlog.add(guest(0), [register('a', 1, kilobyte)])
    const stored = backlog.stored(guest(0))
    for (let index = 1; index < 10; index += 1) backlog.add(guest(index), [register('a', 1, kilobyte)])
    expect(await stored).toBe(false)
    backlog.add(guest(0), [register('b', 2, 1)])
    const later = backlog.stored(guest(0))
    await pass(watched, 100)
    for (let sent = 0; sent < 9; sent += 1) await store.next.answer()
    expect(await later).toBe(true)
    expect(rowsOf(store.calls.at(-1) as never)).toEqual([['b', 2, 1]])
  })

  it('is let go on its way, too: said not to be stored where the call fails, and not tried again', async () => {
    const made = parts(new HeldStore(), 10_000)
    const { backlog, store } = made
    backlog.add(guest(0), [register('a', 1, kilobyte)])
    const stored = backlog.stored(guest(0))
    await turn()
    for (let index = 1; index < 10; index += 1) backlog.add(guest(index), [register('a', 1, kilobyte)])
    expect(backlog.of(guest(0))).toEqual([])
    await store.next.fail()
    expect(await stored).toBe(false)
    await store.release()
    await pass(made, 1000)
    expect(store.calls.filter(({ subject }) => subject === storeName(guest(0)))).toHaveLength(1)
    expect(backlog.size).toBe(0)
  })

  it('stays where the guest has become a user meanwhile, however many guests come', async () => {
    const users = new Set<StoredName>()
    const { backlog, store } = parts(new HeldStore(), 10_000, users)
    backlog.add(guest(0), [register('a', 1, kilobyte)])
    await turn()
    users.add(guest(0))
    await store.next.answer()
    backlog.add(guest(0), [register('b', 2, 1)])
    for (let index = 1; index < 30; index += 1) backlog.add(guest(index), [register('a', 1, kilobyte)])
    expect(backlog.of(guest(0))).toHaveLength(1)
    const stored = backlog.stored(guest(0))
    await store.release()
    expect(await stored).toBe(true)
  })

  it('is bounded, too, where it is to be deleted', async () => {
    const { backlog, letGo } = await outage(1000)
    for (let index = 0; index < 50; index += 1) backlog.erase(guest(index), [])
    expect(backlog.size).toBeLessThan(10)
    expect(letGo.length).toBeGreaterThan(40)
  })

  it('makes no room by what has ended, nor by what users have set', async () => {
    const { backlog } = await outage(10_000)
    const end = register(EPOCH_KEY, 1, [1, 0])
    backlog.add(guest(0), [register('a', 1, kilobyte), end])
    for (let id = 0; id < 50; id += 1) backlog.add(userSubject(id), [register('a', 1, kilobyte)])
    for (let index = 1; index < 50; index += 1) backlog.add(guest(index), [register('a', 1, kilobyte)])
    expect(backlog.of(guest(0))).toEqual([end])
    for (let id = 0; id < 50; id += 1) expect(backlog.of(userSubject(id))).toHaveLength(1)
  })
})
