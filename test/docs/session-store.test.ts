import { describe, expect, it } from '@jest/globals'
import Bowser from 'bowser'
import { runSnippet } from '../support/docs/run-snippet.js'

const PAGE = 'docs/session-store.md'

describe(`device-label.ts of ${PAGE}`, () => {
  const deviceLabel = runSnippet('device-label.ts', PAGE, { Bowser })['deviceLabel'] as (ctx: object) => string

  it.each([
    [
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36',
      'Chrome on Linux',
    ],
    ['curl/8.1', 'Unknown browser on an unknown system'],
    ['', 'Unknown browser on an unknown system'],
  ])('names browser and system: %s', (agent, label) => {
    expect(deviceLabel({ get: () => agent })).toBe(label)
  })
})
