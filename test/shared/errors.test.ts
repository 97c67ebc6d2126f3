import { describe, expect, it } from '@jest/globals'
import { LiveSessionError as PageError } from 'koa-live-session/client'
import { LiveSessionError } from '../../shared/errors.js'

/** A second copy of the module, as npm installs for two versions of the package. */
const copy = '../../shared/errors.ts?copy'

describe('instanceof LiveSessionError', () => {
  it('knows an error of another copy of the package', async () => {
    const { LiveSessionError: Other } = (await import(copy)) as { LiveSessionError: typeof LiveSessionError }
    expect(Other).not.toBe(LiveSessionError)
    expect(new Other('closed', 'closed') instanceof LiveSessionError).toBe(true)
    expect(new LiveSessionError('closed', 'closed') instanceof Other).toBe(true)
  })

  it('of a page knows the errors of the server', () => {
    const error = new LiveSessionError('invalid_value', 'no', { key: 'division', cause: 'why' })
    expect(error).toBeInstanceOf(PageError)
    expect(error).toMatchObject({ name: 'LiveSessionError', code: 'invalid_value', key: 'division', cause: 'why' })
    expect(Object.hasOwn(new LiveSessionError('closed', 'closed'), 'cause')).toBe(false)
  })

  it.each<[string, unknown]>([
    ['no error', undefined],
    ['null', null],
    ['a text', 'LiveSessionError'],
    ['an answer of a server', { name: 'LiveSessionError', code: 'closed', status: 503 }],
    ['another error with a status', Object.assign(new Error('closed'), { code: 'closed', status: 503 })],
    ['an error of a page, which has no status', new PageError('closed', 'closed', 'division')],
  ])('does not know %s', (_, value) => {
    expect(value instanceof LiveSessionError).toBe(false)
  })
})
