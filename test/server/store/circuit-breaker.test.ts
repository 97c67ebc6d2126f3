import { describe, expect, it, jest } from '@jest/globals'
import { SingleUse } from '../../../server/store/single-use.js'
import { HeldStore } from '../../support/app/held-store.js'
import { holdTimers, pass, TIMEOUT, watch } from '../../support/app/store-parts.js'
import { turn } from '../../support/app/within.js'

const MINUTE = 60_000
const succeed = async (): Promise<string> => 'answer'

/** The health of a store, the times of its probes since the start, and a way to fail calls. */
function watchProbes() {
  const watched = watch()
  const { health, clock } = watched
  const probes: number[] = []
  const start = clock.now()
  health.onTry(() => probes.push(clock.now() - start))
  const fail = async (times = 1): Promise<void> => {
    for (let at = 0; at < times; at += 1)
      await health.call(() => Promise.reject(new Error('no'))).catch(() => undefined)
  }
  return { ...watched, probes, fail }
}

holdTimers()

describe('CircuitBreaker', () => {
  it('counts concurrent failures as a single failure', async () => {
    const watched = watchProbes()
    const { probes, fail } = watched
    await Promise.all(Array.from({ length: 32 }, () => fail()))
    await pass(watched, 50)
    // This call began after those failures, so the backoff doubles.
    await fail()
    await pass(watched, 99)
    expect(probes).toEqual([50])
    await pass(watched, 1)
    expect(probes).toEqual([50, 150])
  })

  it('reports an outage even if the store rejects without a reason', async () => {
    const { health, errors } = watch()
    await health.call(() => Promise.reject(undefined)).catch(() => undefined)
    expect(errors).toHaveLength(1)
  })

  it('publishes every outage, but reports at most one a minute', async () => {
    const watched = watchProbes()
    const { health, states, errors, fail } = watched
    await fail(100)
    expect([states, errors.length]).toEqual([['down'], 1])
    for (let at = 0; at < 2; at += 1) await health.call(succeed)
    expect([states, errors.length]).toEqual([['down', 'good'], 1])
    for (const expected of [1, 2]) {
      for (let at = 0; at < 50; at += 1) {
        await fail()
        await health.call(succeed)
      }
      expect(errors.length).toBe(expected)
      await pass(watched, MINUTE)
    }
  })

  it('accepts an answer just after its timeout, in a paused process', async () => {
    const { health, states } = watch()
    let answer: (text: string) => void = () => undefined
    const asked = health.call(
      () =>
        new Promise<string>((resolve) => {
          answer = resolve
        }),
    )
    const inTime = health.inTime(asked)
    await turn()
    jest.advanceTimersByTime(TIMEOUT)
    answer('read')
    expect(await inTime).toBe('read')
    await turn()
    expect(states).toEqual([])
  })

  it('probes at least every two seconds, and on recovery', async () => {
    const watched = watchProbes()
    const { health, probes, fail } = watched
    await fail(20)
    await pass(watched, 1999)
    expect(probes).toEqual([])
    await pass(watched, 1)
    expect(probes).toEqual([2000])
    await health.call(succeed)
    expect(probes).toEqual([2000, 2000])
  })

  it('stops probing after close()', async () => {
    const watched = watchProbes()
    const { health, probes, fail } = watched
    await fail()
    health.close()
    await fail()
    await pass(watched, MINUTE)
    expect([probes, health.concurrency]).toEqual([[], 0])
  })
})

it('a single-use name can be spent after an unrelated failed call', async () => {
  const watched = watchProbes()
  const { health, clock, fail } = watched
  const store = new HeldStore()
  const spent = new SingleUse(store, health, { clock: clock.now })
  await fail()
  expect([health.state, await spent.spend('a')]).toEqual(['down', undefined])
  await pass(watched, 50)
  const isFirst = spent.spend('a')
  await turn()
  await store.next.answer()
  expect([health.state, await isFirst]).toEqual(['good', true])
})
