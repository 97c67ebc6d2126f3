import { readFileSync } from 'node:fs'
import { expect, it } from '@jest/globals'
import type { LiveSessionErrorCode } from 'koa-live-session'

/** The compiler keeps this list complete; tests of each feature show its codes. */
const CODES: { readonly [C in LiveSessionErrorCode]: true } = {
  invalid_value: true,
  undeclared_key: true,
  not_writable: true,
  users_only: true,
  too_large: true,
  malformed: true,
  bad_origin: true,
  bad_ticket: true,
  other_subject: true,
  superseded: true,
  rate_limited: true,
  not_loaded: true,
  conflict: true,
  store_unavailable: true,
  cookies_blocked: true,
  closed: true,
}
/** Codes of page mistakes in production, which are no refusals. */
const OF_PAGES = ['before_ready', 'impure_update']

it('docs/troubleshooting.md explains exactly these codes, each with a remedy', () => {
  const page = readFileSync('docs/troubleshooting.md', 'utf8')
  const sections = [...page.matchAll(/^### `(\w+)`\n(.*?)(?=^##|$(?![\s\S]))/gms)]
  expect(sections.map(([, code]) => code).sort()).toEqual([...Object.keys(CODES), ...OF_PAGES].sort())
  for (const [, code, text = ''] of sections)
    expect([code, text]).toEqual([code, expect.stringMatching(/\S[\s\S]*\*\*Do:\*\* \S/)])
})
