import { expect, it, jest } from '@jest/globals'
import { memoryStore, testClock } from 'koa-live-session/testing'
import type { Core } from '../../../server/core.js'
import { createWarn } from '../../../server/settings/report.js'
import { ValidatedStore } from '../../../server/store/validated-store.js'
import { register } from '../../support/app/register.js'
import { validatedStore, watch } from '../../support/app/store-parts.js'

/** A store with a register from the future, whose `compareAndSet` is the given function. */
async function broken(compareAndSet: (replace: () => Promise<boolean>) => Promise<boolean>) {
  const watched = watch()
  const inner = memoryStore()
  await inner.merge('s', [register('a', Number.MAX_SAFE_INTEGER, 'bad'), register('b', 1, 1)])
  const act = (...given: Parameters<typeof inner.compareAndSet>) => compareAndSet(() => inner.compareAndSet(...given))
  return { inner, store: validatedStore({ ...inner, compareAndSet: act }, watched) }
}

it('ValidatedStore merges with another process’s replacement of an invalid register', async () => {
  const { inner, store } = await broken(async (replace) => {
    await inner.compareAndSet('s', register('a', 7, 'other'), Number.MAX_SAFE_INTEGER)
    return replace()
  })
  expect(await store.merge('s', [register('a', 5, 'own')])).toEqual([register('a', 7, 'other')])
})

it('ValidatedStore rejects a write if an invalid register cannot be replaced', async () => {
  const { store } = await broken(async () => false)
  await expect(store.merge('s', [register('a', 5, 'own')])).rejects.toThrow(
    'an invalid register could not be replaced: a',
  )
})

it('ValidatedStore logs at most ten invalid registers', async () => {
  const told = jest.spyOn(console, 'warn').mockImplementation(() => undefined)
  const clock = testClock().now
  const inner = memoryStore()
  const registers = Array.from({ length: 50 }, (_, index) => register(`k${index}`, Number.MAX_SAFE_INTEGER, 'bad'))
  await inner.merge('s', registers)
  const store = new ValidatedStore(inner, { settings: { clock }, warn: createWarn(clock) } as unknown as Core)
  expect(await store.load('s')).toEqual([])
  expect(told).toHaveBeenCalledTimes(10)
  told.mockRestore()
})
