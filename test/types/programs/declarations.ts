// Invalid declarations, besides those of mistakes.test.ts.
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'

// @ts-expect-error no JSON
defineFields({ x: { schema: z.map(z.string(), z.string()), default: new Map() } })
// @ts-expect-error no JSON
defineFields({ x: { schema: z.bigint(), default: 1n } })
// @ts-expect-error no JSON, deep inside
defineFields({ x: { schema: z.object({ at: z.array(z.date()) }), default: { at: [] } } })
// @ts-expect-error the schema refuses its own output
defineFields({ x: { schema: z.string().transform(Number), default: 1 } })
// @ts-expect-error not a scope
defineFields({ x: { schema: z.number(), default: 1, scope: 'node' } })
// @ts-expect-error a rule for other values
defineFields({ x: { schema: z.number(), default: 1, onLogin: (a: string, b: string) => a + b } })
// @ts-expect-error no schema
defineFields({ x: { default: 1 } })
// @ts-expect-error no spec
defineFields({ x: 1 })
// @ts-expect-error an object has no room
defineFields({ x: { schema: z.object({ a: z.string() }), default: { a: '' }, rooms: true } })
// @ts-expect-error the only value is read
defineFields({ x: { schema: z.string(), default: '', client: 'write', guests: 'write' } })
defineFields({ x: { schema: z.number(), default: 1, client: 'write', cookie: false, scope: 'tab' } })
// @ts-expect-error tab fields are never hidden
defineFields({ x: { schema: z.number(), default: 1, client: 'hidden', scope: 'tab' } })
// @ts-expect-error tab fields have no cookie
defineFields({ x: { schema: z.number(), default: 1, cookie: true, scope: 'tab' } })
// @ts-expect-error `url` is no option
defineFields({ x: { schema: z.number(), default: 1, client: 'write', scope: 'tab', url: 'x' } })
defineFields({ x: { schema: z.number(), default: 1, client: 'write', scope: 'tab', onLogin: 'newest' } })
// @ts-expect-error no account has a tab's value
defineFields({ x: { schema: z.number(), default: 1, client: 'write', scope: 'tab', onLogin: 'account' } })
