import { METHODS } from 'node:http'
import type { Actor } from './actor.js'
import type { Changes } from './changes.js'
import type { Cookies } from './cookies.js'
import type { Dice } from './dice.js'
import { pageOf } from './event-source.js'
import type { RawRequest } from './light-http.js'
import { mutateBytes, mutateJson, mutateJsonText, mutateText } from './mutation.js'
import type { OddValues } from './odd-values.js'
import type { Tickets } from './tickets.js'
import type { World } from './world.js'

// CONNECT and TRACE never reach an app.
const VERBS = METHODS.filter((method) => method !== 'CONNECT' && method !== 'TRACE')
const PLACES = [
  ...'/store_session?a=1&a=2 /store_session?% /store_session/ //store_session /STORE_SESSION /store_session%'.split(
    ' ',
  ),
  ...'/store%5Fsession /x/store_session /?/store_session /store_session;a /store_session\\ / /%ff *'.split(' '),
]
const TYPES = [
  ...['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/json;', 'application/json; charset="\xff'],
  ...['multipart/form-data; boundary=x', 'application/x-www-form-urlencoded'],
  ...'text/plain application/ld+json json /'.split(' '),
]
const ORIGINS = 'null http://evil.example https://127.0.0.1 http://127.0.0.1.evil http:// x http://[::1 %'.split(' ')
const SITES = ['same-origin', 'none', 'same-site', 'cross-site', 'SAME-ORIGIN', '']
const BODY = 64 * 1024

export type Requests = ReturnType<typeof requestSource>

/** Makes requests to the endpoint, and some to other paths. */
export function requestSource(
  world: World,
  oddValues: OddValues,
  cookies: Cookies,
  tickets: Tickets,
  changes: Changes,
) {
  /** A POST with any body. */
  const anyPost = (dice: Dice, actor: Actor): RawRequest => {
    const cookie = dice.chance(0.85) ? cookies.own(dice, actor) : cookies.any(dice, actor)
    const body = aBody(dice, actor)
    const isBroken = dice.chance(0.005)
    const method = dice.chance(0.95) ? 'POST' : dice.pick(VERBS)
    const url = dice.chance(0.95) ? '/store_session' : dice.pick(PLACES)
    return { method, url, headers: headersOf(dice, actor, cookie, body), body, isBroken }
  }

  /** A read or an empty POST, with any cookie. */
  const anyVisit = (dice: Dice, actor: Actor): RawRequest => {
    const isSignIn = actor.user !== '' && dice.chance(0.1)
    const cookie = isSignIn ? cookies.guest(dice) : cookies.any(dice, actor)
    const headers = world.headers(actor, cookie ?? '')
    if (dice.chance(0.5)) return { method: 'GET', url: '/', headers, body: Buffer.alloc(0) }
    const type = { 'content-type': 'application/json', 'content-length': '2', origin: world.own }
    return { method: 'POST', url: '/store_session', headers: { ...headers, ...type }, body: Buffer.from('{}') }
  }

  /** The headers of a handshake. */
  const anyHandshake = (dice: Dice, actor: Actor): Record<string, string> => {
    const headers = world.headers(actor, cookies.any(dice, actor) ?? '')
    return { ...headers, upgrade: 'websocket', origin: dice.chance(0.9) ? world.own : dice.pick(ORIGINS) }
  }

  const headersOf = (dice: Dice, actor: Actor, cookie: string | undefined, body: Buffer): Record<string, string> => {
    const rarely = (name: string, make: () => string, probability = 0.02): Record<string, string> => {
      return dice.chance(probability) ? { [name]: make() } : {}
    }
    const type = dice.chance(0.94) ? 'application/json' : dice.pick(TYPES)
    const origin = dice.chance(0.95) ? world.own : dice.pick(ORIGINS)
    return {
      ...world.headers(actor, cookie ?? ''),
      'content-type': dice.chance(0.02) ? mutateText(dice, type, () => dice.headerText(1)) : type,
      'content-length': String(body.length),
      ...(dice.chance(0.7) ? { origin } : {}),
      ...rarely('sec-fetch-site', () => dice.pick(SITES), 0.1),
      ...rarely('host', () => dice.pick(['', 'evil.example', 'a@b', '@', '[::1', dice.headerText(8)])),
      ...rarely('content-encoding', () => dice.pick(['gzip', 'identity', 'br', ' '])),
      ...rarely('x-forwarded-proto', () => dice.headerText(5)),
      ...rarely('accept', () => dice.headerText(20)),
    }
  }

  const aPage = (dice: Dice, actor: Actor): { readonly who?: unknown } => {
    return dice.one<object>(
      [19, () => pageOf(dice, actor)],
      [1, () => ({ who: dice.pick(world.victims).who })],
      [1, () => ({ who: oddValues.json(dice) })],
    )
  }

  const aBody = (dice: Dice, actor: Actor): Buffer => {
    const valid = {
      ...aPage(dice, actor),
      tickets: dice.times(dice.below(3), () => tickets.own(dice, actor)),
      set: changes.valid(dice, actor),
    }
    const odd = (): unknown => oddValues.json(dice)
    const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value) ?? '')
    return dice.one(
      [5, () => json(valid)],
      [5, () => json({ tickets: dice.times(1 + dice.below(3), () => tickets.any(dice, actor)) })],
      [2, () => json({ ...valid, tickets: [...valid.tickets, tickets.any(dice, actor)] })],
      [5, () => json({ ...(dice.chance(0.5) ? {} : valid), set: changes.any(dice, actor) })],
      [3, () => json(mutateJson(dice, valid, odd))],
      [3, () => Buffer.from(mutateJsonText(dice, JSON.stringify(valid)))],
      [1, () => mutateBytes(dice, json(valid))],
      [1, () => dice.bytes(dice.below(100))],
      [1, () => json(odd())],
      [0.3, () => huge(dice, valid)],
    )
  }

  return { post: anyPost, visit: anyVisit, handshake: anyHandshake }
}

/** A body at the limits of size, depth and width, and a byte beyond. */
function huge(dice: Dice, valid: object): Buffer {
  const set = (value: string): string => `{"set":[["cart",-1,"",${value}]]}`
  const text = dice.one(
    [4, () => JSON.stringify(valid).padEnd(BODY - 1 + dice.below(3))],
    [1, () => set('['.repeat(30_000) + ']'.repeat(30_000))],
    [1, () => set(`[${'1,'.repeat(9_990)}1]`)],
    [1, () => set(`{${Array.from({ length: 6000 }, (_, at) => `"k${at}":0`).join(',')}}`)],
    [1, () => set(`"${'\\u0000'.repeat(10_000)}"`)],
    [1, () => set('9'.repeat(60_000))],
    [1, () => `{"tickets":[${Array(15_000).fill('"."').join(',')}]}`],
    [1, () => `{"set":[${Array.from({ length: 5000 }, (_, at) => `["k${at}",0,""]`).join(',')}]}`],
    [1, () => '{"set":'.repeat(8000)],
  )
  return Buffer.from(text)
}
