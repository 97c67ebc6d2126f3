import { EventEmitter } from 'node:events'
import { describe, expect, it, jest } from '@jest/globals'
import { memoryStore } from 'koa-live-session/testing'
import { App } from '../support/app/app.js'
import { awaited, once } from '../support/app/awaited.js'
import { pairs } from '../support/app/pairs.js'
import { MINUTE } from '../support/app/times.js'
import { turns } from '../support/app/within.js'

const never = new Promise<never>(() => undefined)

describe('awaited()', () => {
  it('refuses a promise that never settles, with the words what was awaited', async () => {
    const wait = jest.fn((act: () => void, _ms: number) => ({ unref: () => void setImmediate(act) }))
    await expect(awaited('a ticket', never, wait as never)).rejects.toThrow('awaited 10 s for a ticket')
    expect(wait).toHaveBeenCalledWith(expect.anything(), 10_000)
  })

  it('settles as the promise does', async () => {
    expect(await awaited('a value', Promise.resolve(1))).toBe(1)
    await expect(awaited('a value', Promise.reject(new Error('lost')))).rejects.toThrow('lost')
  })

  it('resolves with the arguments of an event', async () => {
    const emitter = new EventEmitter()
    const heard = once(emitter, 'told')
    emitter.emit('told', 1, 2)
    expect(await heard).toEqual([1, 2])
  })
})

it('pairs() covers each pair of values in fewer rows than the product', () => {
  const lists = [
    ['a', 'b', 'c', 'd'],
    [0, 1, 2],
    [true, false],
    ['x', 'y', 'z'],
  ] as const
  const rows = pairs(...lists)
  for (const [at, list] of lists.entries())
    for (const [there, other] of lists.entries())
      for (const value of list)
        for (const next of there === at ? [] : other)
          expect(rows.some((row) => row[at] === value && row[there] === next)).toBe(true)
  expect(rows.length).toBeLessThan(16)
})

it('a crashed app sends no more writes to its store', async () => {
  const merge = jest.fn(() => Promise.reject(new Error('down')))
  const app = await App.start({ options: { store: { ...memoryStore(), merge } } })
  void (await app.live.user('ann')).set('division', 3)
  await turns(5)
  await app.stop({ isCrash: true })
  merge.mockClear()
  app.clock.advance(MINUTE)
  await turns(5)
  expect(merge).not.toHaveBeenCalled()
})
