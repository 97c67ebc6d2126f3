import { expect, it } from '@jest/globals'
import { atScale } from '../support/app/scale.js'
import { describeInEachBrowser } from '../support/page/outage.js'
import { Schedule } from './schedule/schedule.js'

const [first = 1, count = 10] = (process.env['SCHEDULES'] ?? atScale('1,2', '1,4')).split(',').map(Number)

describeInEachBrowser(
  'a browser with some tabs, on a network and a server that fail',
  (start) => {
    it.each(Array.from({ length: count }, (_, i) => first + i))(
      'keeps what was saved, agrees in the end, and shows no visitor what is another’s (seed %i)',
      async (seed) => {
        expect(await Schedule.run(seed, await start())).toEqual([])
      },
    )
  },
  [process.env['SCHEDULES_IN'] ?? 'Chromium'],
)
