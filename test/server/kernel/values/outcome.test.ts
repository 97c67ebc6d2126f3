import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import { Outcome } from '../../../../server/kernel/values/outcome.js'

const fail = (): never => {
  throw new Error('refused')
}

async function reportsOf(use: (outcome: Promise<number>) => unknown, write: () => number = fail): Promise<unknown[]> {
  const reports: unknown[] = []
  const unhandled: unknown[] = []
  const note = (error: unknown): number => unhandled.push(error)
  process.on('unhandledRejection', note)
  use(Outcome.of(write, (error) => reports.push(String(error))))
  await nextTurn()
  await nextTurn()
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
  return reports
}

describe('the outcome of a write', () => {
  it('is reported where it failed and no code awaits it', async () => {
    expect(await reportsOf(() => undefined)).toEqual(['Error: refused'])
  })

  it.each([
    ['awaits it', async (outcome: Promise<number>) => expect(outcome).rejects.toThrow('refused')],
    ['catches it', (outcome: Promise<number>) => outcome.catch(() => undefined)],
    ['waits for all', (outcome: Promise<number>) => Promise.all([outcome]).catch(() => undefined)],
    ['waits for any', (outcome: Promise<number>) => Promise.allSettled([outcome])],
    ['passes it on', (outcome: Promise<number>) => (async () => outcome)().catch(() => undefined)],
  ])('is left to the code that %s', async (_, use) => {
    expect(await reportsOf(use)).toEqual([])
  })

  it('is there at once, and reports nothing where it succeeded', async () => {
    let written = 0
    expect(
      await reportsOf(
        () => expect(written).toBe(1),
        () => ++written,
      ),
    ).toEqual([])
    expect(
      await Outcome.of(
        () => 5,
        () => undefined,
      ),
    ).toBe(5)
  })

  it('gives ordinary promises to the code that goes on from it', () => {
    const next = Outcome.of(
      () => 1,
      () => undefined,
    ).then((value) => value + 1)
    expect(next).not.toBeInstanceOf(Outcome)
  })
})
