import { defineFields, type Fields } from 'koa-live-session/fields'
import { z } from 'zod'
import type { JsonValue } from '../../shared/json.js'

/** The most items in the cart of an account. */
const MAX_CART = 12

const number = z.number().int()
const join = (account: readonly number[], browser: readonly number[]): number[] => {
  return [...account, ...browser].slice(-MAX_CART)
}

/** Whether the schema of the basket accepts this item. The schema refuses every seventh number, such as 1006. */
export function isValidItem(item: JsonValue): boolean {
  return typeof item === 'number' && item % 7 !== 5
}

const both = {
  division: { schema: number, default: -1, client: 'write', rooms: true },
  theme: { schema: number, default: 0, client: 'write', scope: 'browser', rooms: true },
  cart: { schema: z.array(number), default: [], client: 'write', onLogin: join },
  role: { schema: number, default: 0, rooms: true },
  secret: { schema: number, default: 0, client: 'hidden' },
  note: { schema: number, default: 0, client: 'write', cookie: false },
  basket: { schema: z.array(number.refine(isValidItem)), default: [], client: 'write', onLogin: 'drop' },
} as const

export type BuildName = 'one' | 'two'

/** Two builds of an app, each with a field that the other lacks. */
export const builds: Readonly<Record<BuildName, Fields>> = {
  one: defineFields({ ...both, recent: { schema: number, default: 0, client: 'write', onLogin: 'newest' } }),
  two: defineFields({ ...both, extra: { schema: number, default: 0, client: 'write' } }),
}

export const ALL_KEYS: readonly string[] = [...new Set(Object.values(builds).flatMap((fields) => Object.keys(fields)))]
export const HIDDEN = 'secret'
/** A key writable by browsers, and in no cookie. */
export const STORED = 'note'
export const NEVER_IN_COOKIE: readonly string[] = [HIDDEN, STORED]
/** A list to which pages only add. */
export const ADDED_TO = 'basket'
export const OWN = 'theme'
export const WRITABLE: readonly string[] = ['division', 'division', 'division', 'theme', 'cart', 'recent', 'extra']
export const STORABLE: readonly string[] = [...WRITABLE, STORED, STORED]
export const SERVER_ONLY: readonly string[] = ['role', 'role', 'secret']

export const LOGIN_RULE: Readonly<Record<string, 'account' | 'newest' | 'join'>> = {
  division: 'account',
  extra: 'account',
  recent: 'newest',
  cart: 'join',
  note: 'account',
}

/** The app's secrets after each rotation. The first and newest signs. */
export const rotations: readonly (readonly string[])[] = [
  ['the first secret of at least thirty-two bytes'],
  ['the second secret of at least thirty-two bytes', 'the first secret of at least thirty-two bytes'],
  [
    'the third secret of at least thirty-two bytes',
    'the second secret of at least thirty-two bytes',
    'the first secret of at least thirty-two bytes',
  ],
]
