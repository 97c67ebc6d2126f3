import { afterAll, expect, it } from '@jest/globals'
import { bundle, eachAtOnce, recall, sail } from './fleet.js'
import { plant, readDefects, readProduct, undeclaredIn } from './planting.js'

const DEFECTS = readDefects()

/** Far more schedules than any defect needs: most defects are noticed within a hundred. */
const SCHEDULES = 10_000
/** One in this many defects is planted; `PLANT_ONE_IN=1` plants all, which takes minutes. */
const ONE_IN = Number(process.env['PLANT_ONE_IN'] ?? 36)
/** The index of the first planted defect, which the simulation notices after few schedules. */
const FIRST = Math.min(11, ONE_IN - 1)
/** In ms, longer than any machine takes. */
const HANGS = 3_600_000

const PRODUCT = readProduct()

afterAll(recall)

it(
  `the simulation notices each planted defect (one in ${ONE_IN} is planted)`,
  async () => {
    const missed: string[] = []
    const planted = [...DEFECTS.entries()].filter(([index, { noticedBy }]) => !noticedBy && index % ONE_IN === FIRST)
    expect(planted.length).toBeGreaterThan(0)
    await eachAtOnce(planted, async ([index, defect]) => {
      const file = await bundle(`planted-${index}`, plant(defect, PRODUCT))
      const { finding } = await sail(file, 1, SCHEDULES, false)
      if (!finding) missed.push(defect.name)
    })
    expect(missed).toEqual([])
  },
  HANGS,
)

it('planted code uses no undeclared names', () => {
  expect(undeclaredIn(DEFECTS.map((defect) => plant(defect, PRODUCT)))).toEqual([])
})
