import { expect, it } from '@jest/globals'
import { atScale } from '../support/app/scale.js'
import { describeInEachBrowser } from '../support/page/outage.js'
import { Schedule } from './schedule/schedule.js'

const [first = 1, count = 10] = (process.env['SCHEDULES'] ?? atScale('1,2', '1,4')).split(',').map(Number)

describeInEachBrowser(
  'a browser with several tabs, a failing network and a failing server',
  (start) => {
    it.each(Array.from({ length: count }, (_, i) => first + i))(
      'keeps saved changes, converges, and shows no value of others (seed %i)',
      async (seed) => {
        expect(await Schedule.run(seed, await start())).toEqual([])
      },
    )
  },
  [process.env['SCHEDULES_IN'] ?? 'Chromium'],
)
