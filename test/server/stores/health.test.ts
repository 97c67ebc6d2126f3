import { describe, expect, it, jest } from '@jest/globals'
import { holdTimers, pass, TIMEOUT, watch } from '../../support/app/store-parts.js'
import { turn } from '../../support/app/within.js'

const MINUTE = 60_000
const good = async (): Promise<string> => 'answer'
const bad = async (): Promise<never> => {
  throw new Error('no')
}

holdTimers()

describe('StoreHealth', () => {
  it('counts calls that fail together as one failure: the store is tried again as soon as after one alone', async () => {
    const made = watch()
    let tries = 0
    made.health.onTry(() => {
      tries += 1
    })
    await Promise.allSettled(Array.from({ length: 32 }, () => made.health.ask(bad)))
    await pass(made, 50)
    expect(tries).toBe(1)
    // The next one was begun after those had failed.
    await made.health.ask(bad).catch(() => undefined)
    await pass(made, 50)
    expect(tries).toBe(1)
    await pass(made, 50)
    expect(tries).toBe(2)
  })

  it('publishes each outage and its end, and logs one a minute', async () => {
    const made = watch()
    const { health, states, errors } = made
    for (let at = 0; at < 100; at += 1) await health.ask(bad).catch(() => undefined)
    expect([states, errors.length]).toEqual([['down'], 1])
    await health.ask(good)
    await health.ask(good)
    expect([states, errors.length]).toEqual([['down', 'good'], 1])
    const outage = async (): Promise<void> => {
      await health.ask(bad).catch(() => undefined)
      await health.ask(good)
    }
    for (let at = 0; at < 50; at += 1) await outage()
    expect(errors.length).toBe(1)
    await pass(made, MINUTE)
    await outage()
    expect(errors.length).toBe(2)
  })

  it('uses an answer that a paused process reads right after its timers', async () => {
    const { health, states } = watch()
    let answer: (text: string) => void = () => undefined
    const asked = health.ask(
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

  it('has a store that is down tried again after 50 ms, then later and later, and at once when it is back', async () => {
    const made = watch()
    const { health, clock } = made
    const tries: number[] = []
    const begun = clock.now()
    health.onTry(() => tries.push(clock.now() - begun))
    await health.ask(bad).catch(() => undefined)
    await pass(made, 50)
    await health.ask(bad).catch(() => undefined)
    await pass(made, 99)
    expect(tries).toEqual([50])
    await pass(made, 1)
    expect(tries).toEqual([50, 150])
    for (let at = 0; at < 20; at += 1) await health.ask(bad).catch(() => undefined)
    await pass(made, 1999)
    expect(tries.length).toBe(2)
    await pass(made, 1)
    expect(tries.length).toBe(3)
    await health.ask(good)
    expect(tries.length).toBe(4)
  })

  it('tries nothing again once it is closed', async () => {
    const made = watch()
    const { health } = made
    let tries = 0
    health.onTry(() => {
      tries += 1
    })
    await health.ask(bad).catch(() => undefined)
    health.close()
    await health.ask(bad).catch(() => undefined)
    await pass(made, MINUTE)
    expect([tries, health.concurrency]).toEqual([0, 0])
  })
})
