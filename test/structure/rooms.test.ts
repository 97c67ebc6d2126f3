import { expect, it } from '@jest/globals'
import { imports } from '../support/docs/imports.js'

const KERNEL = 'server/kernel/'
const PARTS = 'server/parts/'
/** The rooms of the kernel, each above those before it. Above them all is what puts them together. */
const FLOORS = 'names memory ends values cookie visitors remote exchange seams requests connections'.split(' ')
const all = imports()
const files = [...all.keys()]

/** The imports of these files that lead to those. */
function ways(from: (file: string) => boolean, to: (file: string, from: string) => boolean): readonly string[] {
  return files.filter(from).flatMap((file) => {
    const found = (all.get(file) ?? []).filter((one) => to(one, file))
    return found.map((one) => `${file} imports ${one}`)
  })
}

const partOf = (file: string): string | undefined => (file.startsWith(PARTS) ? file.split('/')[2] : undefined)

it('has a kernel and parts', () => {
  expect(files.filter((file) => file.startsWith(KERNEL)).length).toBeGreaterThan(80)
  expect([...new Set(files.flatMap((file) => partOf(file) ?? []))].sort()).toEqual([
    'address',
    'flash',
    'hand-off',
    'inspector',
    'rooms',
    'session-store',
    'tab',
  ])
})

it('the kernel imports no part', () => {
  expect(
    ways(
      (file) => file.startsWith(KERNEL),
      (file) => file.startsWith(PARTS),
    ),
  ).toEqual([])
})

it('no part imports another part', () => {
  expect(
    ways(
      (file) => file.startsWith(PARTS),
      (file, from) => file.startsWith(PARTS) && partOf(file) !== partOf(from),
    ),
  ).toEqual([])
})

/** The floor of a file of the kernel. */
function floorOf(file: string): number {
  const [room = '', inside] = file.slice(KERNEL.length).split('/')
  return inside === undefined ? FLOORS.length : FLOORS.indexOf(room)
}

it('lists each folder of the kernel in order', () => {
  const kernel = files.filter((file) => file.startsWith(KERNEL))
  expect([...new Set(kernel.map(floorOf))].sort((one, other) => one - other)).toEqual(
    [...FLOORS, ''].map((_, at) => at),
  )
})

it('no folder of the kernel imports a folder above, types included', () => {
  const isUp = (file: string, from: string): boolean => file.startsWith(KERNEL) && floorOf(file) > floorOf(from)
  expect(ways((file) => file.startsWith(KERNEL), isUp)).toEqual([])
})
