import { describe, expect, it } from '@jest/globals'
import { appFields } from '../support/app/app.js'
import { doubleHandler, type Handler, realHandlers } from '../support/app/handler.js'
import { fc } from '../support/app/property.js'
import { atScale } from '../support/app/scale.js'

/** What comes of a promise, without what differs each time. */
async function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => (typeof value === 'object' && value !== null ? { ...value, stamp: 0 } : value),
    ({ name, code, key, message }) => ({ name, code, key, message }),
  )
}

/** What may be done with a session, and happen to it. */
const key = fc.constantFrom('division', 'theme', 'cart', 'role', 'secret', 'nothing')
const value = fc.constantFrom<unknown>(0, 7, -0, 1.5, 'dark', 'light', 'guest', '', ['a'], [], null, undefined)
const step = fc.oneof(
  fc.record({ does: fc.constantFrom('set' as const, 'request' as const), key, value }),
  fc.record({ does: fc.constant('setMany' as const), values: fc.dictionary(key, value, { maxKeys: 3 }) }),
  fc.record({ does: fc.constantFrom('update' as const, 'delete' as const), key }),
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

/** What a request is refused is no matter of the session's, and -0 is another value once it has been sent. */
function isSettable({ key: name, value: given }: { readonly key: string; readonly value: unknown }): boolean {
  return name in appFields && appFields[name as 'role'].schema.safeParse(given).success && !Object.is(given, -0)
}

async function play({ session, request }: Handler, steps: readonly Step[]): Promise<readonly unknown[]> {
  const told: unknown[] = []
  session.onChange((change) => told.push(change))
  session.subscribe('division', (division) => told.push(division))
  const act = (step: Step): Promise<unknown> => {
    switch (step.does) {
      case 'set':
        return session.set(step.key as 'cart', step.value as never)
      case 'setMany':
        return session.setMany(step.values as object)
      case 'update':
        return session.update(step.key as 'division', (division) => division + 1)
      case 'delete':
        return session.delete(step.key as 'division')
      case 'request':
        return isSettable(step) ? request(step.key as 'cart', step.value) : Promise.resolve()
    }
  }
  const outcomes: unknown[] = []
  for (const step of steps) {
    outcomes.push(await outcomeOf(act(step)))
    outcomes.push(Object.keys(appFields).map((name) => [session.get(name as 'role'), session.has(name as 'role')]))
  }
  return [outcomes, told]
}

describe('memorySession beside socket.liveSession', () => {
  it('comes to the same, whatever is done', async () => {
    const open = await realHandlers()
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        expect(await play(await doubleHandler(), steps)).toEqual(await play(await open(), steps))
      }),
      { numRuns: atScale(10, 30) },
    )
  })
})
