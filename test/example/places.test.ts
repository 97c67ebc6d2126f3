import { expect, it } from '@jest/globals'
import type { LiveSessionClient } from 'koa-live-session/client'
import { placesOf } from '../../example/page/places.js'
import type { HoodReport } from '../../example/protocol.js'

const live = { get: () => 2, has: () => true } as unknown as LiveSessionClient

/** A node's report on the division. */
function report(source: string, places: readonly string[]): HoodReport {
  return { pid: 1, startedAt: 0, inspections: { division: { value: 2, stamp: 1, source, places } as never } }
}

it('the panel shows a value in Redis if any node loaded it from there', () => {
  const own = report('node', ['cache'])
  const nodes = [
    { name: 'A', report: report('store', ['cache', 'store']) },
    { name: 'B', report: own },
  ]
  expect(placesOf('division', live, { own, nodes }).map(({ label, isHeld }) => [label, isHeld])).toEqual([
    ['node A, loaded from Redis', true],
    ['node B, heard from the other', true],
    ['Redis', true],
    ['cookie', false],
    ['page', true],
  ])
})
