import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from '@jest/globals'
import Koa from 'koa'
import { testClock } from 'koa-live-session/testing'
import { LiveCookie } from '../../../../server/kernel/cookie/cookie.js'
import { GuestBytes } from '../../../../server/kernel/memory/guest-bytes.js'
import { SigningKeys } from '../../../../server/kernel/names/keys.js'
import { newBrowserId } from '../../../../server/kernel/names/subject.js'

const COOKIES = 2000
const PADDING = 12_000

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

it('keeps nothing of a Cookie header but the live cookie that it has verified', () => {
  const options = {
    name: 'live',
    maxAge: 60_000,
    endsWithBrowser: false,
    sameSite: 'lax',
    secure: undefined,
    domain: undefined,
    partitioned: false,
  } as const
  const keys = new SigningKeys(['a secret of at least thirty-two bytes'], 'cookie')
  const cookie = new LiveCookie(new Koa(), keys, options, {
    clock: testClock().now,
    isCurrent: () => true,
    onForget: () => undefined,
    warn: () => undefined,
    guestBytes: new GuestBytes(64_000_000),
  })
  const rest = { user: undefined, epoch: 0, registers: [] }
  const read = (): void => {
    const header = `${cookie.header({ browser: newBrowserId(), ...rest })}; other=${'x'.repeat(PADDING)}`
    // As node:http has it: one flat string.
    expect(cookie.read({ headers: { cookie: Buffer.from(header).toString('latin1') } })).toBeDefined()
  }
  read()
  collect()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < COOKIES; i += 1) read()
  collect()
  expect(process.memoryUsage().heapUsed - before).toBeLessThan((COOKIES * PADDING) / 2)
})
