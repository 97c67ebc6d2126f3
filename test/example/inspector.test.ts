import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import Router from '@koa/router'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { addInspector, inspectorPath } from '../../example/server/inspector.js'

const { NODE_ENV } = process.env
beforeEach(() => void jest.spyOn(console, 'warn').mockImplementation(() => undefined))
afterEach(() => {
  if (NODE_ENV === undefined) delete process.env['NODE_ENV']
  else process.env['NODE_ENV'] = NODE_ENV
})

describe('the inspector of the example', () => {
  it.each([
    ['development', true],
    [undefined, true],
    ['production', false],
  ])('exists with NODE_ENV %p: %p', async (environment, isThere) => {
    if (environment === undefined) delete process.env['NODE_ENV']
    else process.env['NODE_ENV'] = environment
    const router = new Router()
    const log = jest.spyOn(console, 'log').mockImplementation(() => undefined)
    const live = liveSession(new Koa({ keys: ['a secret of at least thirty-two bytes'] }), { fields: defineFields({}) })
    addInspector(router, live, 'http://localhost:3000')
    const paths = router.stack.map(({ path }) => path)
    // Closes, because other tests of this process check for subscribers of refusals.
    await live.close()
    expect(paths).toEqual(isThere ? ['/inspector'] : [])
    expect(inspectorPath()).toBe(isThere ? '/inspector' : undefined)
    const logged = expect.stringMatching(/^Inspector: http:\/\/localhost:3000\/inspector\?token=[\w-]{43}$/)
    expect(log.mock.calls).toEqual(isThere ? [[logged]] : [])
  })
})
