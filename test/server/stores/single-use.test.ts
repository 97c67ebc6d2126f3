import { expect, it } from '@jest/globals'
import { SingleUse } from '../../../server/kernel/remote/single-use.js'
import { HeldStore } from '../../support/app/held-store.js'
import { holdTimers, pass, watch } from '../../support/app/store-parts.js'
import { turn } from '../../support/app/within.js'

holdTimers()

it('a name is spent at a store that has refused something else a moment ago', async () => {
  const watched = watch()
  const { health, clock } = watched
  const store = new HeldStore()
  const spent = new SingleUse(store, health, { clock: clock.now })
  await health.ask(() => Promise.reject(new Error('it takes no such row'))).catch(() => undefined)
  expect([health.state, await spent.spend('a')]).toEqual(['down', undefined])
  await pass(watched, 50)
  const isFirst = spent.spend('a')
  await turn()
  await store.next.answer()
  expect([health.state, await isFirst]).toEqual(['good', true])
})
