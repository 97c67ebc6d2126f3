import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { linesOfCode, ROOTS, type Weight, weighRooms } from '../../scripts/rooms.mjs'

const budget: Readonly<Record<string, Weight>> = JSON.parse(readFileSync('test/structure/budget.json', 'utf8'))
const rooms = Object.entries(weighRooms('.'))

/** Lines of a file at the most, comments and imports included. */
const LONGEST = 300

describe.each(rooms)('the room %s', (room, { lines, files }) => {
  it('has no more lines of code, and files, than test/structure/budget.json gives it', () => {
    // Remove something first. A budget grows in a commit of its own, which names the promise that was added.
    const { [room]: bound = { lines: 0, files: 0 } } = budget
    expect({ lines: Math.max(lines, bound.lines), files: Math.max(files, bound.files) }).toEqual(bound)
  })
})

it('gives a budget to no room that is not there', () => {
  expect(Object.keys(budget)).toEqual(rooms.map(([room]) => room))
})

it('has no file that is longer than one noun needs', () => {
  const files = ROOTS.flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => join(root, name)),
  ).filter((name) => /\.tsx?$/.test(name))
  expect(files.length).toBeGreaterThan(100)
  expect(files.filter((name) => readFileSync(name, 'utf8').split('\n').length > LONGEST)).toEqual([])
})

it('counts what is code: no imports, comments or blank lines', () => {
  const text = `import {
  one,
} from './one.js'

/**
 * A sum.
 */
export function sum(a: number, b: number): number {
  // of both
  return a + b // here
}

export const TEXT = \`two
lines\`
`
  expect(linesOfCode(text)).toBe(5)
})
