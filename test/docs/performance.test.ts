import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { startWithUsers } from '../support/app/users.js'
import type { Visitor } from '../support/app/visitor.js'

const PAGE = 'docs/maintainers/performance.md'
const page = readFileSync(PAGE, 'utf8')

/** The cells of a row. */
function row(title: string): readonly string[] {
  const line = page.split('\n').find((text) => text.startsWith(`| ${title}`))
  if (line === undefined) throw new Error(`${PAGE} has no row ${title}`)
  return line.split('|').map((cell) => cell.trim())
}
const numberOf = (title: string): number => Number(row(title)[2]?.replaceAll(',', ''))

/** Bytes of the live cookie and its signature in a request. */
const bytes = ({ cookie }: Visitor): number =>
  cookie
    .split('; ')
    .filter((pair) => /^live(\.sig)?=/.test(pair))
    .join('; ').length

describe(PAGE, () => {
  it('states the bytes of the cookie', async () => {
    const app = await startWithUsers()
    const guest = app.visitor()
    await guest.fetch('/set?values={"division":3}')
    expect(bytes(guest)).toBe(numberOf('a guest with one number'))
    await guest.fetch('/set?values={"theme":"dark"}')
    expect(bytes(guest) - numberOf('a guest with one number')).toBe(numberOf('a word besides'))

    const user = app.visitor()
    await user.fetch('/login/now?user=ann')
    await user.fetch('/set?values={"division":3}')
    expect(bytes(user)).toBe(numberOf('a user with that'))
  })

  it('states the size limits of browser parts', () => {
    const limits: { name: string; limit: string }[] = JSON.parse(readFileSync('.size-limit.json', 'utf8'))
    for (const [title, name] of [
      ['`koa-live-session/client`', 'client'],
      ['with `onFlash`', 'client and onFlash'],
      ['with `followAddress`', 'client and followAddress'],
      ['with `followHandOffs`', 'client and followHandOffs'],
      ['with `keepTab`', 'client and keepTab'],
      ['with all four', 'client and all its parts'],
      ['`koa-live-session/hook`', 'hook'],
      ['`koa-live-session/react`', 'react'],
      ['`koa-live-session/vue`', 'vue'],
    ] as const) {
      expect(limits.find((each) => each.name === name)?.limit).toBe(`${numberOf(title)} kB`)
    }
  })

  it('states the results of the bench', () => {
    const { stderr } = spawnSync(process.execPath, ['bench/document.mjs', '--check'], { encoding: 'utf8' })
    expect(stderr).toBe('')
  })
})
