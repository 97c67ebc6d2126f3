import { describe, expect, it, jest } from '@jest/globals'
import { SingleUse } from '../../../server/store/single-use.js'
import { HeldStore } from '../../support/app/held-store.js'
import { holdTimers, pass, TIMEOUT, watch } from '../../support/app/store-parts.js'
import { MINUTE } from '../../support/app/times.js'
import { turn } from '../../support/app/within.js'

const succeed = async (): Promise<string> => 'answer'

/** The breaker of a store, the times of its half-open calls since the start, and a way to fail calls. */
function watchProbes() {
  const watched = watch()
  const { breaker, clock } = watched
  const tries: number[] = []
  const start = clock.now()
  breaker.onTry(() => tries.push(clock.now() - start))
  const fail = async (times = 1): Promise<void> => {
    for (let at = 0; at < times; at += 1)
      await breaker.call(() => Promise.reject(new Error('no'))).catch(() => undefined)
  }
  return { ...watched, tries, fail }
}

holdTimers()

describe('CircuitBreaker', () => {
  it('counts concurrent failures as a single failure', async () => {
    const watched = watchProbes()
    const { tries, fail } = watched
    await Promise.all(Array.from({ length: 32 }, () => fail()))
    await pass(watched, 50)
    // This call began after those failures, so the backoff doubles.
    await fail()
    await pass(watched, 99)
    expect(tries).toEqual([50])
    await pass(watched, 1)
    expect(tries).toEqual([50, 150])
  })

  it('reports an outage even if the store rejects without a reason', async () => {
    const { breaker, errors } = watch()
    await breaker.call(() => Promise.reject(undefined)).catch(() => undefined)
    expect(errors).toHaveLength(1)
  })

  it('publishes every outage, but reports at most one a minute', async () => {
    const watched = watchProbes()
    const { breaker, states, errors, fail } = watched
    await fail(100)
    expect([states, errors.length]).toEqual([['down'], 1])
    for (let at = 0; at < 2; at += 1) await breaker.call(succeed)
    expect([states, errors.length]).toEqual([['down', 'good'], 1])
    for (const expected of [1, 2]) {
      for (let at = 0; at < 50; at += 1) {
        await fail()
        await breaker.call(succeed)
      }
      expect(errors.length).toBe(expected)
      await pass(watched, MINUTE)
    }
  })

  it('accepts an answer just after its timeout, in a paused process', async () => {
    const { breaker, states } = watch()
    let answer: (text: string) => void = () => undefined
    const asked = breaker.call(
      () =>
        new Promise<string>((resolve) => {
          answer = resolve
        }),
    )
    const inTime = breaker.inTime(asked)
    await turn()
    jest.advanceTimersByTime(TIMEOUT)
    answer('read')
    expect(await inTime).toBe('read')
    await turn()
    expect(states).toEqual([])
  })

  it('tries again at least every two seconds, and on recovery', async () => {
    const watched = watchProbes()
    const { breaker, tries, fail } = watched
    await fail(20)
    await pass(watched, 1999)
    expect(tries).toEqual([])
    await pass(watched, 1)
    expect(tries).toEqual([2000])
    await breaker.call(succeed)
    expect(tries).toEqual([2000, 2000])
  })

  it('stops probing after close()', async () => {
    const watched = watchProbes()
    const { breaker, tries, fail } = watched
    await fail()
    breaker.close()
    await fail()
    await pass(watched, MINUTE)
    expect([tries, breaker.concurrency]).toEqual([[], 0])
  })
})

it('a single-use name can be spent after an unrelated failed call', async () => {
  const watched = watchProbes()
  const { breaker, clock, fail } = watched
  const store = new HeldStore()
  const spent = new SingleUse(store, breaker, { clock: clock.now })
  await fail()
  expect([breaker.state, await spent.spend('a')]).toEqual(['down', undefined])
  await pass(watched, 50)
  const isFirst = spent.spend('a')
  await turn()
  await store.next.answer()
  expect([breaker.state, await isFirst]).toEqual(['good', true])
})
