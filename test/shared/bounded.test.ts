import { describe, expect, it } from '@jest/globals'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import * as v from 'valibot'
import { z } from 'zod'
import { Field } from '../../shared/field.js'
import { refused } from '../support/refused.js'

const WIDTH = 30
const names = Array.from({ length: WIDTH }, (_, i) => `p${i}`)
const good = Object.fromEntries(names.map((name) => [name, 'x']))
const wideZod = z.object(Object.fromEntries(names.map((name) => [name, z.string()])))
const wideValibot = v.object(Object.fromEntries(names.map((name) => [name, v.string()])))

/** How many issues there are in all: a union keeps those of its options within its own. */
function count(issues: unknown): number {
  if (!Array.isArray(issues)) return 0
  return issues.reduce((sum: number, issue: object) => {
    const nested = Object.entries(issue).filter(([name]) => name === 'errors' || name === 'issues')
    return sum + (Array.isArray(issue) ? 0 : 1) + nested.reduce((all, [, list]) => all + count((list ?? []).flat()), 0)
  }, 0)
}

/** A field of that schema, and how many issues it has made. */
function make(schema: StandardSchemaV1, initial: unknown) {
  const made = { issues: 0 }
  const validate = (value: unknown) => {
    const result = schema['~standard'].validate(value) as StandardSchemaV1.Result<unknown>
    made.issues += count(result.issues)
    return result
  }
  const counted: StandardSchemaV1 = { '~standard': { version: 1, vendor: 'test', validate } }
  const spec = { schema: counted, default: initial, client: 'write', cookie: false } as const
  const field = new Field('rows', spec, { maxBytes: 24_000, onLogin: 'account' })
  return { field, made }
}

const list = <T>(length: number, item: T): T[] => Array.from({ length }, () => item)
const record = (length: number, item: unknown) => Object.fromEntries(list(length, item).map((one, i) => [`k${i}`, one]))
const scalars = z.array(z.union(list(20, 0).map((_, i) => z.literal(`option-${i}`))))

describe('what no schema accepts', () => {
  it.each<[string, StandardSchemaV1, unknown]>([
    ['a list of bad items', z.array(wideZod), list(9900, {})],
    ['a list of bad items, for valibot', v.array(wideValibot), list(9900, {})],
    ['bad items after good ones', z.array(wideZod), [...list(100, good), ...list(6000, {})]],
    ['bad items between good ones', z.array(wideZod), list(90, [good, ...list(60, {})]).flat()],
    ['a record of bad items', z.record(z.string(), wideZod), record(6000, {})],
    ['lists of lists', z.array(z.array(z.array(wideZod))), list(60, list(60, list(2, {})))],
    ['a list within an object', z.object({ a: z.object({ rows: z.array(wideZod) }) }), { a: { rows: list(9900, {}) } }],
    ['a list in a union', z.union([z.string(), z.array(wideZod)]), list(9900, {})],
    ['a list in a union, for valibot', v.union([v.string(), v.array(wideValibot)]), list(9900, {})],
    ['items of none of many kinds', scalars, list(9900, 'x')],
  ])('costs some thousand issues at the most, as %s', (_, schema, input) => {
    const { field, made } = make(schema, schema['~standard'].vendor === 'valibot' ? [] : undefined)
    expect(refused(() => field.accept(input))).toMatchObject({ code: 'invalid_value', key: 'rows' })
    expect(made.issues).toBeLessThan(5000)
  })

  it('is refused with what the schema says, and without a wrong place', () => {
    const { field } = make(z.array(wideZod), [])
    expect(refused(() => field.accept([...list(100, good), ...list(6000, {})])).message).toMatch(
      /^koa-live-session: set\("rows"\): Invalid input[^$]*; and more$/,
    )
  })

  it('is told with its place where it is one bad item of many', () => {
    const { field } = make(z.array(z.number()), [])
    expect(refused(() => field.accept([...list(5000, 1), 'x'])).message).toContain('at $.5000')
  })
})

describe('what a schema accepts', () => {
  const sorted = z.array(z.number()).superRefine((all, context) => {
    for (const [i, one] of all.entries())
      if (i > 0 && one < (all[i - 1] ?? 0)) context.addIssue({ code: 'custom', path: [i], message: 'not sorted' })
  })
  const ids = list(200, 0).map((_, i) => i)
  const graph = { nodes: ids, edges: ids.map((id) => ({ from: id, to: 199 - id })) }
  const graphZod = z
    .object({ nodes: z.array(z.number()), edges: z.array(z.object({ from: z.number(), to: z.number() })) })
    .superRefine(({ nodes, edges }, context) => {
      for (const [i, { from, to }] of edges.entries())
        if (!nodes.includes(from) || !nodes.includes(to))
          context.addIssue({ code: 'custom', path: ['edges', i], message: 'no such node' })
    })
  const graphValibot = v.pipe(
    v.object({ nodes: v.array(v.number()), edges: v.array(v.object({ from: v.number(), to: v.number() })) }),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return
      for (const { from } of dataset.value.edges) if (!dataset.value.nodes.includes(from)) addIssue({ message: 'none' })
    }),
  )
  const required = z.object({ ...wideZod.shape, rows: z.array(z.number()), more: wideZod })
  it.each<[string, StandardSchemaV1, unknown]>([
    ['a long list', z.array(z.number()), list(7000, 1)],
    ['a list that must be long', z.array(z.number()).min(5000), list(7000, 1)],
    ['a list of unlike items', z.tuple([z.string(), z.boolean()]).rest(z.number()), ['x', true, ...list(5000, 1)]],
    ['a list in order', sorted, list(3500, 0).map((_, i) => i)],
    ['a graph whose edges name its nodes', graphZod, graph],
    ['a graph whose edges name its nodes, for valibot', graphValibot, graph],
    ['wide items', z.array(wideZod), list(60, good)],
    ['strict items', z.array(wideZod.strict()), list(60, good)],
    ['wide items, for valibot', v.array(wideValibot), list(60, good)],
    ['a record', z.record(z.string(), z.number()), record(1500, 1)],
    ['an object with a long member', required, { ...good, rows: list(5000, 1), more: good }],
    ['one of several', z.union([required, z.array(wideZod)]), list(60, good)],
    ['objects of kinds', z.array(z.discriminatedUnion('p0', [wideZod.extend({ p0: z.literal('x') })])), list(60, good)],
  ])('is taken, as %s', (_, schema, input) => {
    const { field } = make(schema, undefined)
    expect(field.accept(input)).toEqual(input)
  })
})
