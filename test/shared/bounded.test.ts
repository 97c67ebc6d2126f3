import { describe, expect, it } from '@jest/globals'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import fc from 'fast-check'
import * as v from 'valibot'
import { z } from 'zod'
import { Field } from '../../shared/field.js'
import { validate } from '../../shared/schema.js'
import { refused } from '../support/refused.js'
import { atScale } from '../support/scale.js'

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

/** A field of that schema, how often it was asked, and how many issues it has made. */
function make(schema: StandardSchemaV1, initial: unknown) {
  const made = { issues: 0, calls: 0 }
  const validate = (value: unknown) => {
    const result = schema['~standard'].validate(value) as StandardSchemaV1.Result<unknown>
    made.calls += 1
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

  it('is refused with what the schema says, and with the right places', () => {
    const { field } = make(z.array(wideZod), [])
    expect(refused(() => field.accept([...list(100, good), ...list(6000, {})])).message).toMatch(
      /^koa-live-session: set\("rows"\): Invalid input[^$]* at \$\.100\.p0; .*; and more$/,
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
    ['a graph whose nodes come last', graphZod, { edges: graph.edges, nodes: ids }],
    ['a graph whose nodes come last, for valibot', graphValibot, { edges: graph.edges, nodes: ids }],
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
  const text = list(60, 'x')
  const numbers = list(60, 1)
  const mixed = list(60, 0).map((_, i) => (i % 2 ? 'x' : i))
  const kinds = mixed.map((one) => (typeof one === 'string' ? z.string() : z.number()))
  const kindsValibot = mixed.map((one) => (typeof one === 'string' ? v.string() : v.number()))
  const [kind = z.number(), ...otherKinds] = kinds
  const manyNames = list(14, 0).map((_, i) => z.literal(`${i}`))
  const oneLength = z.xor([z.array(z.number()), z.array(z.number()).max(80)])
  const longerThan = (least: number) => z.array(z.number()).refine((all) => all.length > least)
  const lengths = list(14, 0).map((_, i) => z.array(z.number()).length(100 + i))
  it.each<[string, StandardSchemaV1, unknown]>([
    ['a tuple of two columns', z.tuple([z.array(z.string()), z.array(z.number())]), [text, numbers]],
    ['a tuple of two columns, for valibot', v.tuple([v.array(v.string()), v.array(v.number())]), [text, numbers]],
    ['a long tuple', z.tuple([kind, ...otherKinds]), mixed],
    ['a long tuple, for valibot', v.tuple(kindsValibot), mixed],
    ['a column and others', z.tuple([z.array(z.string())]).rest(z.array(z.number())), [text, numbers, numbers]],
    [
      'texts and numbers',
      z.tuple([z.string(), ...list(19, z.string())]).rest(z.number()),
      [...list(20, 'x'), ...numbers],
    ],
    [
      'texts and numbers, for valibot',
      v.tupleWithRest(list(20, v.string()), v.number()),
      [...list(20, 'x'), ...numbers],
    ],
    ['a list of one of several lengths', z.union(lengths), list(113, 1)],
    ['a list of exactly one of two lengths, or one of many names', z.union([...manyNames, oneLength]), list(100, 1)],
    ['a list with a rule, or one of many names', z.union([...manyNames, longerThan(90), longerThan(95)]), list(100, 1)],
  ])('keeps its places, as %s', (_, schema, input) => {
    const { field } = make(schema, undefined)
    expect(field.accept(input)).toEqual(input)
  })

  it('is asked about as a whole after three parts that only looked bad', () => {
    const { field, made } = make(z.tuple([z.string(), ...list(19, z.string())]).rest(z.number()), undefined)
    const calls = made.calls
    field.accept([...list(20, 'x'), ...list(1000, 1)])
    expect(made.calls - calls).toBe(8)
  })

  const names60 = list(60, 0).map((_, i) => `i${i}`)
  const entities = Object.fromEntries(names60.map((id, n) => [id, { n }]))
  const looksUp = (one: { ids: string[]; entities: Record<string, { n: number }> }) =>
    one.ids.every((id) => Reflect.get(one.entities[id] as object, 'n') >= 0)
  const stateZod = z.object({ ids: z.array(z.string()), entities: z.record(z.string(), z.object({ n: z.number() })) })
  const stateValibot = v.object({
    ids: v.array(v.string()),
    entities: v.record(v.string(), v.object({ n: v.number() })),
  })
  const corner = (rows: number[][]) => (rows[1] as number[])[0] === 1
  const unlessRefused = (one: v.InferOutput<typeof stateValibot>) => (looksUp(one) ? one : one)
  it.each<[string, StandardSchemaV1, unknown]>([
    ['a check', stateZod.refine(looksUp), { ids: names60, entities }],
    ['a check, the other way round', stateZod.refine(looksUp), { entities, ids: names60 }],
    ['a transform', stateZod.transform((one) => (looksUp(one) ? one : one)), { ids: names60, entities }],
    ['a check, for valibot', v.pipe(stateValibot, v.check(looksUp)), { ids: names60, entities }],
    ['a transform, for valibot', v.pipe(stateValibot, v.transform(unlessRefused)), { ids: names60, entities }],
    ['a check of a place', z.array(z.array(z.number())).refine(corner), [numbers, [1]]],
    ['a check of a place, for valibot', v.pipe(v.array(v.array(v.number())), v.check(corner)), [numbers, [1]]],
  ])('may be looked up in by %s, which would throw where a member is missing', (_, schema, input) => {
    const { field } = make(schema, undefined)
    expect(field.accept(input)).toEqual(input)
  })
})

/** A schema in both libraries, and what it accepts. */
interface Kind {
  readonly name: string
  readonly zod: z.ZodType
  readonly valibot: v.GenericSchema
  readonly value: fc.Arbitrary<unknown>
}

const text: Kind = { name: 'text', zod: z.string(), valibot: v.string(), value: fc.string({ maxLength: 3 }) }
const number: Kind = { name: 'number', zod: z.number(), valibot: v.number(), value: fc.integer({ min: 0, max: 99 }) }
const flag: Kind = { name: 'flag', zod: z.boolean(), valibot: v.boolean(), value: fc.boolean() }

const namesOf = (kinds: readonly Kind[]) => kinds.map(({ name }) => name).join(', ')

function listOf({ name, zod, valibot, value }: Kind, minLength: number): Kind {
  return {
    name: `list(${name}, ${minLength})`,
    zod: z.array(zod).min(minLength),
    valibot: v.pipe(v.array(valibot), v.minLength(minLength)),
    value: fc.array(value, { minLength, maxLength: minLength + 60, size: 'max' }),
  }
}

function tupleOf(kinds: readonly Kind[], rest: Kind | undefined): Kind {
  const [first = text, ...others] = kinds
  const tuple = z.tuple([first.zod, ...others.map(({ zod }) => zod)])
  const options = [first, ...others].map(({ valibot }) => valibot)
  const head = fc.tuple(...[first, ...others].map(({ value }) => value))
  const name = `tuple(${namesOf([first, ...others])}; ${rest?.name})`
  if (!rest) return { name, zod: tuple, valibot: v.strictTuple(options), value: head }
  const tail = fc.array(rest.value, { maxLength: 60, size: 'max' })
  return {
    name,
    zod: tuple.rest(rest.zod),
    valibot: v.tupleWithRest(options, rest.valibot),
    value: fc.tuple(head, tail).map((both) => both.flat()),
  }
}

function recordOf({ name, zod, valibot, value }: Kind): Kind {
  return {
    name: `record(${name})`,
    zod: z.record(z.string(), zod),
    valibot: v.record(v.string(), valibot),
    value: fc
      .array(value, { maxLength: 60, size: 'max' })
      .map((all) => Object.fromEntries(all.map((one, i) => [`k${i}`, one]))),
  }
}

function objectOf(kinds: readonly Kind[], optional: readonly Kind[]): Kind {
  const named = kinds.map((kind, i) => [`a${i}`, kind] as const)
  const maybe = optional.map((kind, i) => [`b${i}`, kind] as const)
  return {
    name: `object(${namesOf(kinds)}; ${namesOf(optional)})`,
    zod: z.strictObject(
      Object.fromEntries([
        ...named.map(([name, { zod }]) => [name, zod] as const),
        ...maybe.map(([name, { zod }]) => [name, zod.optional()] as const),
      ]),
    ),
    valibot: v.strictObject(
      Object.fromEntries([
        ...named.map(([name, { valibot }]) => [name, valibot] as const),
        ...maybe.map(([name, { valibot }]) => [name, v.optional(valibot)] as const),
      ]),
    ),
    value: fc.record(Object.fromEntries([...maybe, ...named].map(([name, { value }]) => [name, value])), {
      requiredKeys: named.map(([name]) => name),
      noNullPrototype: true,
    }),
  }
}

function unionOf(kinds: readonly Kind[]): Kind {
  return {
    name: `union(${namesOf(kinds)})`,
    zod: z.union(kinds.map(({ zod }) => zod)),
    valibot: v.union(kinds.map(({ valibot }) => valibot)),
    value: fc.oneof(...kinds.map(({ value }) => value)),
  }
}

function kindOf(depth: number): fc.Arbitrary<Kind> {
  const scalar = fc.constantFrom(text, number, flag)
  if (depth === 0) return scalar
  const inner = fc.oneof(scalar, kindOf(depth - 1))
  const some = (minLength: number, maxLength: number) => fc.array(inner, { minLength, maxLength })
  return fc.oneof(
    fc.tuple(inner, fc.constantFrom(0, 0, 30, 60)).map(([kind, least]) => listOf(kind, least)),
    fc
      .tuple(fc.oneof(some(1, 4), some(51, 60)), fc.option(inner, { nil: undefined }))
      .map(([all, rest]) => tupleOf(all, rest)),
    inner.map(recordOf),
    fc.tuple(some(0, 4), some(0, 3)).map(([all, optional]) => objectOf(all, optional)),
    fc.oneof(some(2, 4), some(12, 14)).map(unionOf),
  )
}

function size(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  return Object.values(value).reduce((sum: number, member) => sum + size(member), 1)
}

describe('whatever a schema accepts', () => {
  const cases = kindOf(3).chain((kind) =>
    kind.value.map((value) => ({
      kind,
      value,
      [fc.toStringMethod]: () => `${kind.name} ${JSON.stringify(value)}`,
    })),
  )
  const large = cases.filter(({ value }) => size(value) > 50 && size(value) <= 400)

  it('is taken, for zod and for valibot', () => {
    fc.assert(
      fc.property(large, ({ kind, value }) => {
        for (const schema of [kind.zod, kind.valibot] as const) {
          // Not always the value itself: a record of valibot takes a list, too, and makes an object of it.
          const taken: unknown = Reflect.get(validate(schema, value), 'value')
          expect(make(schema, undefined).field.accept(value)).toEqual(taken)
        }
      }),
      { seed: 49, numRuns: atScale(60, 300) },
    )
  })
})
