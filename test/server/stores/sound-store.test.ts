import { expect, it, jest } from '@jest/globals'
import { memoryStore, testClock } from 'koa-live-session/testing'
import { SoundStore } from '../../../server/kernel/remote/sound-store.js'
import type { Settings } from '../../../server/options.js'
import { createWarn } from '../../../server/report.js'
import { register } from '../../support/app/register.js'
import { soundStore, watch } from '../../support/app/store-parts.js'

/** A row that no clock can have dated, in a store whose `compareAndSet` does this first. */
async function broken(compareAndSet: (replace: () => Promise<boolean>) => Promise<boolean>) {
  const watched = watch()
  const inner = memoryStore()
  await inner.merge('s', [register('a', Number.MAX_SAFE_INTEGER, 'bad'), register('b', 1, 1)])
  const act = (...given: Parameters<typeof inner.compareAndSet>) => compareAndSet(() => inner.compareAndSet(...given))
  return { inner, store: soundStore({ ...inner, compareAndSet: act }, watched) }
}

it('what another process has put in place of a bad row stands, by the merge rule', async () => {
  const { inner, store } = await broken(async (replace) => {
    await inner.compareAndSet('s', register('a', 7, 'other'), Number.MAX_SAFE_INTEGER)
    return replace()
  })
  expect(await store.merge('s', [register('a', 5, 'own')])).toEqual([register('a', 7, 'other')])
})

it('a store that does not replace a bad row is not said to have what was written', async () => {
  const { store } = await broken(async () => false)
  await expect(store.merge('s', [register('a', 5, 'own')])).rejects.toThrow(
    'a row that is no register is not replaced: a',
  )
})

it('a store full of bad rows tells the log of ten of them', async () => {
  const told = jest.spyOn(console, 'warn').mockImplementation(() => undefined)
  const clock = testClock().now
  const inner = memoryStore()
  const rows = Array.from({ length: 50 }, (_, index) => register(`k${index}`, Number.MAX_SAFE_INTEGER, 'bad'))
  await inner.merge('s', rows)
  const store = new SoundStore(inner, { settings: { clock } as Settings, warn: createWarn(clock) })
  expect(await store.load('s')).toEqual([])
  expect(told).toHaveBeenCalledTimes(10)
  told.mockRestore()
})
