import { createServer } from 'node:http'
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals'
import Router from '@koa/router'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import { defineFields } from 'koa-live-session/fields'
import { addInspector, isInspected } from '../../example/server/inspector.js'

const { NODE_ENV } = process.env
// It tells the log what opens it.
beforeEach(() => void jest.spyOn(console, 'warn').mockImplementation(() => undefined))
afterEach(() => {
  if (NODE_ENV === undefined) delete process.env['NODE_ENV']
  else process.env['NODE_ENV'] = NODE_ENV
})

it.each([
  ['development', true],
  [undefined, true],
  ['production', false],
])('the example, where NODE_ENV is %p, has an inspector and a link to it: %p', (environment, isThere) => {
  if (environment === undefined) delete process.env['NODE_ENV']
  else process.env['NODE_ENV'] = environment
  const router = new Router()
  addInspector(
    router,
    liveSession(new Koa({ keys: ['a secret of at least thirty-two bytes'] }), { fields: defineFields({}) }),
    createServer(),
  )
  expect(router.stack.map(({ path }) => path)).toEqual(isThere ? ['/inspector'] : [])
  expect(isInspected()).toBe(isThere)
})
