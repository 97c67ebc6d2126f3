import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from '@jest/globals'
import { defineFields } from 'koa-live-session/fields'
import { cookieFor } from 'koa-live-session/testing'
import { z } from 'zod'
import { coreOf } from '../../server/plugin.js'
import { browserSubject } from '../../server/subjects/subject.js'
import { App } from '../support/app/app.js'
import { browserId } from '../support/app/browser-id.js'
import { present } from '../support/app/present.js'

const notes = { schema: z.array(z.string()), default: [], client: 'write', cookie: false } as const
const fields = defineFields({ notes })
/** A number of guests whose bytes far exceed the bound. */
const GUESTS = 24_000
const ROOM = 64_000_000

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** 16 kB of JSON, in few parts or in many. */
const notesOf = (index: number, parts: number): string[] =>
  Array.from({ length: parts }, (_, part) => `${index} ${part} `.padEnd(16_000 / parts - 3, 'x'))

describe('threat 57: the heap of countless guests', () => {
  it.each([16, 1000])('stays bounded, even with verified cookies: values in %i parts', async (parts) => {
    const app = await App.start<typeof fields>({ fields, options: { cache: { maxGuestBytes: ROOM } } })
    const { cookie, identities, values } = coreOf(app.live)
    const field = present(values.fields.get('notes'))
    collect()
    const before = process.memoryUsage().heapUsed
    for (let index = 0; index < GUESTS; index += 1) {
      const browser = browserId(index)
      const read = cookie.read({ headers: { cookie: cookieFor(app.live, { browserId: browser }) } })
      const recognize = () => {
        const recognized = identities.recognize(read, undefined)
        identities.adopt(recognized)
        identities.rotateIfDue(recognized, undefined, { headers: {} }, () => false)
      }
      recognize()
      values.write(new Map([[field, notesOf(index, parts)]]), { subject: () => browserSubject(browser) }, 'socket')
      recognize()
    }
    collect()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(2.5 * ROOM)
  })

  it('threat 139: stays bounded, with the rate limits of each of them', async () => {
    const maxGuestBytes = 1_000_000
    const app = await App.start({ options: { cache: { maxGuestBytes } } })
    const { cookie, identities, limits } = coreOf(app.live)
    const knock = (index: number): void => {
      const read = cookie.read({ headers: { cookie: cookieFor(app.live, { browserId: browserId(index) }) } })
      const identity = identities.recognize(read, undefined)
      limits.spend(1, identity)
      limits.spendOn('questions', identity)
      limits.spendTickets(['ticket'], identity)
    }
    for (let index = 0; index < 2000; index += 1) knock(index)
    collect()
    const before = process.memoryUsage().heapUsed
    for (let index = 0; index < 30_000; index += 1) knock(index)
    collect()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(2 * maxGuestBytes)
  })

  it('is estimated within 25% of V8’s own count', async () => {
    const args = ['--expose-gc', '--import', 'tsx', 'test/threats/weights.ts']
    const { stdout } = await promisify(execFile)(process.execPath, args)
    const taken: [shape: string, bytes: number][] = JSON.parse(stdout)
    expect(taken).toHaveLength(3)
    expect(taken.filter(([, bytes]) => !(bytes > 0.75 && bytes < 1.25))).toEqual([])
  })
})
