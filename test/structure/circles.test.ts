import { expect, it } from '@jest/globals'
import { imports } from '../support/docs/imports.js'

/** A way that leads back to where it began, where there is one. */
function circleIn(all: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>()
  const visit = (file: string, way: readonly string[]): readonly string[] => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file]
    if (done.has(file)) return []
    done.add(file)
    for (const next of all.get(file) ?? []) {
      const circle = visit(next, [...way, file])
      if (circle.length > 0) return circle
    }
    return []
  }
  for (const file of all.keys()) {
    const circle = visit(file, [])
    if (circle.length > 0) return circle
  }
  return []
}

it('finds an import cycle', () => {
  const all = new Map([
    ['a', ['b']],
    ['b', ['c', 'd']],
    ['c', []],
    ['d', ['b']],
  ])
  expect(circleIn(all)).toEqual(['b', 'd', 'b'])
})

it('has no import cycle, types included', () => {
  const all = imports()
  expect([...all.values()].flat().length).toBeGreaterThan(all.size)
  expect(circleIn(all)).toEqual([])
})
