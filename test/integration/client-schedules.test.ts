import { describe, expect, it } from '@jest/globals'
import { fastTime } from '../support/fast-time.js'
import { Schedule } from '../support/schedule.js'

fastTime(50)

const [first = 1, count = 10] = (process.env['SCHEDULES'] ?? '1,4').split(',').map(Number)

describe('a browser with some tabs, on a network and a server that fail', () => {
  it.each(Array.from({ length: count }, (_, i) => first + i))(
    'loses nothing that was saved, leaves nothing undecided, and agrees in the end (seed %i)',
    async (seed) => {
      expect(await Schedule.run(seed)).toEqual([])
    },
  )
})
