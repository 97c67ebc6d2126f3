import { afterEach, describe, expect, it, jest } from '@jest/globals'
import { createPoster, type Poster } from '../../client/effects/post.js'

const requests: RequestInit[] = []
Object.assign(globalThis, {
  fetch: (_: string, init: RequestInit) => {
    requests.push(init)
    return new Promise(() => undefined)
  },
})

function poster(): Poster {
  return createPoster({ endpoint: '/store_session', credentials: 'same-origin', headers: () => ({}) }, jest.fn())
}

afterEach(() => {
  requests.length = 0
})

describe('a POST', () => {
  it('has no keepalive: Chromium lets such a one go on when it is aborted, and takes the late cookie of its answer', () => {
    const { post, abort } = poster()
    post({}, 10_000)
    abort()
    expect(requests).toEqual([expect.objectContaining({ signal: expect.objectContaining({ aborted: true }) })])
    expect(requests[0]).not.toHaveProperty('keepalive')
  })

  it('that is the last of its page has it: it goes on when the page is left', () => {
    poster().post({ who: 'g' })
    expect(requests).toMatchObject([{ keepalive: true }])
    expect(requests[0]).not.toHaveProperty('signal')
  })
})
