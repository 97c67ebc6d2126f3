import { describe, expect, it } from '@jest/globals'
import Bowser from 'bowser'
import { type Action, all, identifyNow, SessionApp } from '../support/app/sessions.js'
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

describe(`devices.ts of ${PAGE}`, () => {
  const devices = runSnippet('devices.ts', PAGE, {})['devices'] as (live: unknown) => Action

  it('does not sign staff out who act as a user', async () => {
    const identify = ({ session }: Parameters<Action>[0]) => session?.actsAs ?? session?.userId
    const node = await SessionApp.start({ options: { identify } })
    const desk = node.visitor()
    const route = devices(node.app.live)
    const become = (values: object): Promise<unknown> =>
      node.ask(
        desk,
        all(({ session }) => void Object.assign(session, values), identifyNow),
      )
    const signOutElsewhere = async (): Promise<number> =>
      (await node.fetch(desk, route, { method: 'POST' }, '?others')).status
    await become({ userId: 'staff' })
    expect(await signOutElsewhere()).toBe(200)
    await become({ actsAs: 'ann' })
    expect(await signOutElsewhere()).toBe(403)
    expect(await node.ask(desk, ({ session }) => session.userId ?? null)).toBe('staff')
  })
})
