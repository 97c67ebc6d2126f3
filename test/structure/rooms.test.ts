import { expect, it } from '@jest/globals'
import { imports } from '../support/imports.js'

const KERNEL = 'server/kernel/'
const PARTS = 'server/parts/'
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
    'session-store',
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

it('no part imports another one', () => {
  expect(
    ways(
      (file) => file.startsWith(PARTS),
      (file, from) => file.startsWith(PARTS) && partOf(file) !== partOf(from),
    ),
  ).toEqual([])
})
