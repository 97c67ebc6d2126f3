import { describe, expect, it, jest } from '@jest/globals'
import { LiveSessionError } from 'koa-live-session/client'
import { fastTime } from '../support/app/fast-time.js'
import { fc } from '../support/app/property.js'
import { atScale } from '../support/app/scale.js'
import { doubleScreen, realScreens, type Screen } from '../support/page/screen.js'

fastTime(10)

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'saved',
    (error) => [error instanceof LiveSessionError, error.code, error.key],
  )
}

const key = fc.constantFrom('division', 'theme', 'cart', 'role', 'nothing')
const value = fc.constantFrom<unknown>(0, 7, 1.5, 'dark', 'light', '', ['a'], [])
const step = fc.oneof(
  fc.record({ does: fc.constant('set' as const), key, value }),
  fc.record({ does: fc.constant('field' as const), key, value }),
  fc.record({ does: fc.constantFrom('update' as const, 'delete' as const), key }),
  fc.record({ does: fc.constant('receive' as const), division: fc.nat(3), role: fc.constantFrom('guest', 'admin') }),
  fc.record({ does: fc.constantFrom('cut' as const, 'mend' as const) }),
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** What came of each step, and what listeners were told of each key. By which way a change goes out after a cut, chance decides. */
async function play(screen: Screen, steps: readonly Step[]): Promise<readonly unknown[]> {
  const { live } = screen
  const told = new Map<string, unknown[]>()
  const tell = (name: string, news: unknown): unknown => told.set(name, [...(told.get(name) ?? []), news])
  live.onChange(({ key: name, previous, value: now }) => tell(name, [previous, now]))
  const outcomes: unknown[] = []
  const settled: Promise<unknown>[] = []
  let isOffline = false
  const act = async (one: Step): Promise<unknown> => {
    const name = 'key' in one ? (one.key as 'division') : 'division'
    switch (one.does) {
      case 'set':
        return void settled.push(codeOf(live.set(name, one.value as never)))
      case 'field':
        return live.field(name).set(one.value as never)
      case 'update':
        return void settled.push(codeOf(live.update(name, (now) => now + 1)))
      case 'delete':
        return void settled.push(codeOf(live.delete(name)))
      case 'receive':
        return screen.receive({ division: one.division, role: one.role })
      case 'cut':
        if (!isOffline) screen.offline()
        isOffline = true
        return undefined
      case 'mend':
        if (isOffline) await screen.online()
        isOffline = false
    }
  }
  for (const one of [...steps, { does: 'mend' } as const]) {
    await act(one)
    await live.flush()
    const names = ['division', 'theme', 'cart', 'role', 'nothing'] as const
    outcomes.push(
      names.map((name) => [live.get(name as 'role'), live.has(name as 'role'), live.status(name as 'role')]),
    )
  }
  screen.close()
  return [outcomes, await Promise.all(settled), Object.fromEntries(told)]
}

describe('testClient beside createLiveSession', () => {
  it('comes to the same, whatever is done', async () => {
    jest.spyOn(console, 'error').mockReturnValue()
    const open = await realScreens()
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
        expect(await play(await doubleScreen(), steps)).toEqual(await play(await open(), steps))
      }),
      { numRuns: atScale(8, 15) },
    )
  })
})
