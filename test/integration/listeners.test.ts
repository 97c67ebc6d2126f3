import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { App } from '../support/app.js'

type User = Awaited<ReturnType<App['live']['user']>>

async function handles(): Promise<readonly [one: User, other: User]> {
  const app = await App.start()
  return [await app.live.user('ann'), await app.live.user('ann')]
}

afterEach(() => {
  jest.restoreAllMocks()
})

describe('a listener that writes', () => {
  it('has the others hear of its change after the one that it answers', async () => {
    const [one, other] = await handles()
    const heard: unknown[] = []
    one.onChange(({ value }) => void (value === 3 && one.set('division', 6)))
    other.onChange(({ value, previous }) => heard.push([previous, value]))
    other.subscribe('division', (value) => heard.push(value))
    await other.set('division', 3)
    expect(heard).toEqual([-1, [-1, 3], 3, [3, 6], 6])
  })

  it('reads all that one call has set', async () => {
    const [one, other] = await handles()
    const heard: unknown[] = []
    one.onChange(({ key }) => heard.push([key, one.get('division'), one.get('role')]))
    await other.setMany({ division: 3, role: 'admin' })
    expect(heard).toEqual([
      ['division', 3, 'admin'],
      ['role', 3, 'admin'],
    ])
  })

  it('beside others that do so as well has them hear of the newest value, not of each', async () => {
    const [one, other] = await handles()
    const heard: unknown[] = []
    const count = (user: User) =>
      user.onChange(({ value }) => void (Number(value) < 10 && user.update('division', (division) => division + 1)))
    count(one)
    count(other)
    other.onChange(({ previous, value }) => heard.push([previous, value]))
    await other.set('division', 5)
    expect(heard).toEqual([
      [-1, 5],
      [5, 7],
      [7, 9],
      [9, 11],
    ])
  })

  it('and never stops leaves the server time for others', async () => {
    const told = jest.spyOn(console, 'warn').mockReturnValue()
    const [one, other] = await handles()
    let count = 0
    one.onChange(({ value }) => void (count++ < 5000 && one.set('division', Number(value) + 1)))
    await other.set('division', 0)
    expect(count).toBeLessThan(5000)
    for (let i = 0; i < 10; i += 1) await turn()
    expect(other.get('division')).toBe(5000)
    expect(told.mock.calls.slice(-1)).toEqual([
      [expect.stringContaining('listeners answer each change with another one')],
    ])
  })
})
