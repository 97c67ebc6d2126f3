import { readFileSync } from 'node:fs'
import { afterAll, expect, it } from '@jest/globals'
import { atScale } from '../support/scale.js'
import { bundle, type Defect, plant } from './bundle.js'
import { DEFECTS } from './defects.js'
import { eachAtOnce, recall, sail } from './fleet.js'

/** Each is noticed within far fewer, most within a hundred; without any, the same schedules find nothing. */
const SCHEDULES = 10_000
/** Of so many defects one is planted; `PLANT_ONE_IN=1` plants all, which takes some minutes. */
const ONE_IN = Number(process.env['PLANT_ONE_IN'] ?? atScale(72, 36))
/** Which of them is the first: what this one breaks is noticed within a few schedules. */
const FIRST = Math.min(1, ONE_IN - 1)
/** ms that no machine takes for them. */
const HANGS = 3_600_000

afterAll(recall)

it(
  `notices every defect that is planted, one in ${ONE_IN}`,
  async () => {
    const missed: string[] = []
    const planted = [...DEFECTS.entries()].filter(([index]) => index % ONE_IN === FIRST)
    expect(planted.length).toBeGreaterThan(0)
    await eachAtOnce(planted, async ([index, defect]) => {
      const { finding } = await sail(await bundle(`planted-${index}`, defect), 1, SCHEDULES, false)
      if (!finding) missed.push(defect.name)
    })
    expect(missed).toEqual([])
  },
  HANGS,
)

it.each(DEFECTS)('can plant: $name', (defect) => {
  const text = readFileSync(defect.file, 'utf8')
  expect(plant(text, defect)).not.toBe(text)
})

it('does not plant a defect where the product has moved on', () => {
  const defect: Defect = { name: 'example', file: 'server/example.ts', find: 'here', replace: 'there' }
  expect(plant('it is here', defect)).toBe('it is there')
  expect(() => plant('it is gone', defect)).toThrow('example: expected once in server/example.ts, found 0 times: here')
  expect(() => plant('here and here', defect)).toThrow('found 2 times')
})
