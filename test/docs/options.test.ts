import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'

const PAGE = 'docs/options.md'

/** The options listed by the refusal of an unknown option. */
function known(options: object): readonly string[] {
  try {
    liveSession(new Koa(), { fields: {}, ...options })
  } catch (error) {
    const [, names = ''] = /known: (.*)\)/.exec(String(error)) ?? []
    return names.split(', ')
  }
  return []
}

describe(PAGE, () => {
  it('lists exactly the existing options', () => {
    const [, server = ''] = /^(.*)^## The client in a page$/ms.exec(readFileSync(PAGE, 'utf8')) ?? []
    const first = [...server.matchAll(/^\| (`[^|]+`) +\|/gm)].map(([, cell = '']) => cell)
    const named = first.flatMap((cell) => [...cell.matchAll(/`([\w.]+)`/g)]).map(([, name]) => name)
    const parts = ['cache', 'limits'] as const
    const whole = known({ noSuchOption: 1 }).filter((name) => !parts.some((part) => part === name))
    const inner = parts.flatMap((part) => known({ [part]: { noSuchOption: 1 } }).map((name) => `${part}.${name}`))
    expect(named.sort()).toEqual([...whole, ...inner].sort())
  })
})
