import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { LiveSessionError, type LiveSessionErrorCode } from 'koa-live-session/client'
import type { appFields } from '../support/app/app.js'
import { fastTime } from '../support/app/fast-time.js'
import { doubleScreen, realScreens, type Screen } from '../support/page/screen.js'

fastTime(10)

type Live = Screen['live']

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => 'saved',
    (error) => [error instanceof LiveSessionError, error.code, error.key],
  )
}

describe.each([
  ['testClient', async () => doubleScreen],
  ['createLiveSession', realScreens],
])('%s', (_, screens) => {
  let open: typeof doubleScreen
  let screen: Screen
  let live: Live
  /** Every change and status that listeners were told. */
  let told: unknown[]
  afterEach(() => void jest.restoreAllMocks())
  beforeEach(async () => {
    open = await screens()
    screen = await open()
    live = screen.live
    told = []
    live.onChange(({ key, value, previous, source }) => told.push([key, previous, value, source]))
    live.onStatus((key, { status, reason }) => told.push(reason ? [key, status, reason] : [key, status]))
  })

  it('has at once what it began with, saved, and the defaults of the others', async () => {
    expect([live.get('division'), live.get('theme'), live.get('cart')]).toEqual([3, 'light', []])
    expect([live.has('division'), live.has('theme')]).toEqual([true, false])
    expect([live.status('division').status, live.status('theme').status, live.status().status]).toEqual([
      'saved',
      'default',
      'saved',
    ])
    await live.ready
  })

  it('shows what is set at once, and saves it', async () => {
    const saved = live.set('division', 4)
    expect([live.get('division'), live.status('division').status, screen.sent]).toEqual([
      4,
      'saving',
      [['division', 4]],
    ])
    await saved
    expect(live.status('division')).toEqual({ status: 'saved' })
    expect(told).toEqual([
      ['division', 3, 4, 'request'],
      ['division', 'saving'],
      ['division', 'saved'],
    ])
  })

  it('gives values that cannot be changed, and the same object as long as they are the same', async () => {
    await live.set('cart', ['a'])
    const cart = live.get('cart')
    await live.set('cart', ['a'])
    expect([Object.isFrozen(cart), live.get('cart') === cart]).toEqual([true, true])
  })

  it.each<[string, keyof typeof appFields, unknown, LiveSessionErrorCode, logged: number]>([
    ['the schema refuses', 'division', 1.5, 'invalid_value', 0],
    ['is too large', 'cart', ['x'.repeat(9000)], 'too_large', 0],
    ['is not for pages to write', 'role', 'admin', 'not_writable', 1],
    ['is not for pages to know', 'secret', 'x', 'undeclared_key', 1],
    ['is not declared', 'nothing' as never, 'x', 'undeclared_key', 1],
  ])('rolls back what %s', async (_, key, value, code, logged) => {
    const log = jest.spyOn(console, 'error').mockReturnValue()
    const before = live.get(key as 'division')
    const saved = live.set(key as 'division', value as never)
    expect(live.get(key as 'division')).toEqual(value)
    expect(await codeOf(saved)).toEqual([true, code, key])
    expect([live.get(key as 'division'), live.status(key as 'division')]).toEqual([
      before,
      { status: 'rejected', reason: code },
    ])
    expect(told).toEqual([
      [key, before, value, 'request'],
      [key, 'saving'],
      [key, value, before, 'socket'],
      [key, 'rejected', code],
    ])
    expect(log.mock.calls).toHaveLength(logged)
  })

  it('neither shows nor sends what is no JSON', async () => {
    jest.spyOn(console, 'error').mockReturnValue()
    expect(await codeOf(live.set('division', Number.NaN))).toEqual([true, 'invalid_value', 'division'])
    expect([live.get('division'), told, screen.sent]).toEqual([3, [], []])
  })

  it('sends the last of what is set meanwhile, and saves all with it', async () => {
    await Promise.all([4, 5, 6].map((division) => live.set('division', division)))
    expect([live.get('division'), screen.sent]).toEqual([
      6,
      [
        ['division', 4],
        ['division', 6],
      ],
    ])
  })

  it('computes values one over the other, and passes on what is thrown', async () => {
    jest.spyOn(console, 'error').mockReturnValue()
    const increment = (division: number): number => division + 1
    await Promise.all([live.update('division', increment), live.update('division', increment)])
    expect([live.get('division'), live.status('division').status]).toEqual([5, 'saved'])
    const mistake = new RangeError('no')
    const update = live.update('division', () => {
      throw mistake
    })
    await expect(update).rejects.toBe(mistake)
    expect(live.get('division')).toBe(5)
  })

  it('sets several values in one exchange', async () => {
    const saved = live.setMany({ division: 4, theme: 'dark' })
    expect([live.get('division'), live.get('theme')]).toEqual([4, 'dark'])
    await saved
    expect([live.status('division').status, live.status('theme').status, screen.sent]).toEqual([
      'saved',
      'saved',
      [
        ['division', 4],
        ['theme', 'dark'],
      ],
    ])
  })

  it('takes none of several values if one is refused, and neither shows nor sends them if one is no JSON', async () => {
    jest.spyOn(console, 'error').mockReturnValue()
    expect(await codeOf(live.setMany({ theme: 'dark', division: 1.5 }))).toEqual([
      true,
      'invalid_value',
      'theme, division',
    ])
    expect([live.get('division'), live.get('theme'), live.status('theme').reason]).toEqual([
      3,
      'light',
      'invalid_value',
    ])
    told.length = 0
    const sent = screen.sent.length
    expect(await codeOf(live.setMany({ theme: 'dark', division: Number.NaN }))).toEqual([
      true,
      'invalid_value',
      'division',
    ])
    expect([live.get('theme'), told, screen.sent.length]).toEqual(['light', [], sent])
  })

  it('says once what is a bug of the page, however many values there are', async () => {
    const log = jest.spyOn(console, 'error').mockReturnValue()
    await codeOf(live.setMany({ division: 4, theme: 'dark', nothing: 1 } as never))
    expect(log.mock.calls).toHaveLength(1)
  })

  it('refuses several values, too, in a browser without cookies', async () => {
    const { live } = await open(false)
    expect(await codeOf(live.setMany({ division: 4, theme: 'dark' }))).toEqual([
      true,
      'cookies_blocked',
      'division, theme',
    ])
  })

  it('refuses to set no value at all', async () => {
    expect(await codeOf(live.setMany({}))).toEqual([true, 'malformed', ''])
  })

  it('refuses to be changed by what computes a value', async () => {
    jest.spyOn(console, 'error').mockReturnValue()
    const update = live.update('division', (division) => {
      void live.set('theme', 'dark')
      return division
    })
    await expect(update.then(() => live.get('theme'))).resolves.toBe('light')
  })

  it('shows the default after a deletion', async () => {
    await live.delete('division')
    expect([live.get('division'), live.has('division'), live.status('division').status]).toEqual([-1, false, 'saved'])
    expect(screen.sent).toEqual([['division', undefined]])
  })

  it('hears of what comes from elsewhere, and saves it', async () => {
    await screen.receive({ division: 9 })
    expect(live.get('division')).toBe(9)
    await live.flush()
    expect(told).toEqual([
      ['division', 3, 9, 'ticket'],
      ['division', 'saving'],
      ['division', 'saved'],
    ])
  })

  it('hears of what pages may not write, and of nothing that is hidden', async () => {
    await screen.receive({ role: 'admin', secret: 'x' })
    expect([live.get('role'), live.get('secret' as never)]).toEqual(['admin', undefined])
  })

  it('calls subscribers at once and after each change, until they end', async () => {
    const seen: unknown[] = []
    const end = live.subscribe('division', (division) => seen.push(division))
    const endField = live.field('division').subscribe((division) => seen.push(`field ${division}`))
    await live.set('division', 4)
    endField()
    await screen.receive({ division: 5 })
    end()
    live.field('division').update((division) => division + 1)
    await live.flush()
    expect([seen, live.get('division')]).toEqual([[3, 'field 3', 4, 'field 4', 5], 6])
  })

  it('tells all listeners of a change before what one of them answers it with', async () => {
    const seen: unknown[] = []
    live.onChange(({ key }) => key === 'division' && void live.set('theme', 'dark'))
    live.onChange(({ key, value }) => seen.push([key, value]))
    await live.set('division', 4)
    expect(seen).toEqual([
      ['division', 4],
      ['theme', 'dark'],
    ])
  })

  it('keeps what is set offline, and saves it when it is online again', async () => {
    screen.offline()
    const saved = live.set('division', 4)
    await live.flush()
    expect([live.get('division'), live.status('division').status]).toEqual([4, 'offline'])
    await screen.online()
    await saved
    expect([live.get('division'), live.status('division').status]).toEqual([4, 'saved'])
  })

  it('hears when it is online again of what it has missed', async () => {
    screen.offline()
    await screen.receive({ theme: 'dark' })
    expect(live.get('theme')).toBe('light')
    await screen.online()
    await live.flush()
    expect([live.get('theme'), live.status('theme').status]).toEqual(['dark', 'saved'])
  })

  it('computes anew what was computed offline over what came later', async () => {
    screen.offline()
    const saved = live.update('division', (division) => division + 1)
    await live.flush()
    await screen.receive({ division: 50 })
    await screen.online()
    await saved
    expect([live.get('division'), live.status('division').status]).toEqual([51, 'saved'])
  })

  it('gives up what was set offline, and may have arrived, for what came later', async () => {
    screen.offline()
    const saved = live.set('division', 4)
    await live.flush()
    await screen.receive({ division: 50 })
    await screen.online()
    expect(await codeOf(saved)).toEqual([true, 'superseded', 'division'])
    expect([live.get('division'), live.status('division').status]).toEqual([50, 'rejected'])
  })

  it('goes on showing what a browser without cookies cannot save', async () => {
    const { live } = await open(false)
    expect(await codeOf(live.set('division', 4))).toEqual([true, 'cookies_blocked', 'division'])
    expect([live.get('division'), live.status()]).toEqual([4, { status: 'rejected', reason: 'cookies_blocked' }])
  })

  it('tells nothing more once it is closed', async () => {
    live.close()
    void live.set('division', 4)
    expect([live.get('division'), told]).toEqual([3, []])
  })
})
