import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import { Listeners } from '../../server/kernel/memory/listeners.js'
import { App } from '../support/app.js'

describe('a rejection that no code awaits', () => {
  it('goes to onError, not to the process, where identify() fails', async () => {
    let asked = 0
    const app = await App.start({
      options: {
        identify: () => {
          asked += 1
          if (asked > 1) throw new Error('the user database is away')
          return undefined
        },
      } as never,
      routes: (ctx) => {
        void ctx.liveSession.identify()
        ctx.body = ''
      },
    })
    await app.visitor().fetch('/')
    await turn()
    await turn()
    expect(app.errors).toHaveLength(1)
  })

  it('goes to onError where it is a listener\u2019s', async () => {
    const reported: unknown[] = []
    const listeners = new Listeners()
    const failure = Promise.reject(new Error('no figures'))
    failure.catch(() => undefined)
    listeners.onChange(() => failure as never)
    listeners.tell({ key: 'division', value: 1, previous: 0, source: 'socket' }, (error) => reported.push(error))
    await turn()
    expect(reported).toHaveLength(1)
  })

  it.each(['at once', 'later'])('goes to onError where it is, %s, that of a listener to one key', async (when) => {
    const app = await App.start({ options: { identify: () => 'ann' } as never })
    const ann = await app.live.user('ann')
    const values: unknown[] = []
    ann.subscribe('division', (division) => {
      values.push(division)
      const fails = (values.length === 1) === (when === 'at once')
      return (fails ? Promise.reject(new Error('no figures')) : undefined) as never
    })
    await ann.set('division', 3)
    await turn()
    await turn()
    expect(values).toEqual([-1, 3])
    expect(app.errors).toEqual([new Error('no figures')])
  })
})
