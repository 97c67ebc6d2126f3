import type Koa from 'koa'
import { cookieFor, testClock } from 'koa-live-session/testing'
import type { LiveCookie } from '../../server/cookie/cookie.js'
import type { Core } from '../../server/core.js'
import { coreOf } from '../../server/plugin.js'
import { SigningKeys } from '../../server/subjects/signing-keys.js'
import { Tickets } from '../../server/values/ticket.js'
import { App } from '../support/app/app.js'
import { browserId } from '../support/app/browser-id.js'
import { liveCookie } from '../support/app/live-cookie.js'
import { register } from '../support/app/register.js'
import { DAY } from '../support/app/times.js'
import { Actor, type UserHeader, userOf } from './actor.js'
import type { RequestListener } from './light-http.js'
import { LightSocket } from './light-socket.js'

const START = Date.UTC(2026, 0, 1)
/** ms until the guest without a cookie reconnects as another guest. */
const CONNECTION = 5 * 60 * 1000

/** Text in victims' values and in hidden fields, which no attacker may receive. */
export const CANARY = 'canary'

/** Limits beyond the reach of any run. */
const limits = { limits: { changesPerSocket: 1e9, changesPerVisitor: 1e9, socketsPerVisitor: 1e9 } }

const identify = (ctx: Koa.Context) => userOf(ctx.get('x-user'))
const routes: Koa.Middleware = (ctx) => {
  ctx.body = ctx.liveSession.embed()
}

/** A server, its attackers and their victims. */
export class World {
  readonly app: App
  readonly core: Core
  readonly listener: RequestListener
  readonly open: ReturnType<typeof LightSocket.opener>
  readonly eve: Actor
  readonly mallory: Actor
  /** Signed in as the user '01', unlike the user 1. */
  readonly one: Actor
  /** Has neither a cookie nor a user. */
  readonly stranger = new Actor('stranger', '', undefined)
  /** A connection-only guest: no other visitor may use its tickets. */
  cookieless = new Actor('cookieless', '', undefined)
  readonly victims: readonly Actor[]
  /** Signs with another app's key. */
  readonly foreign: { readonly tickets: Tickets; readonly cookie: LiveCookie }
  /** Signs with our keys, in the past. */
  readonly expired: { readonly cookie: LiveCookie }
  /** Signs with our keys of another purpose. */
  readonly confused: { readonly tickets: Tickets; readonly cookie: LiveCookie }
  /** Stolen valid cookies: browser ids by Cookie header. */
  readonly stolen = new Map<string, string>()
  #cookielessSince = START

  private constructor(app: App) {
    this.app = app
    this.core = coreOf(app.live)
    this.listener = app.koa.callback()
    this.open = LightSocket.opener(this.core)
    const actor = (name: string, user: UserHeader): Actor =>
      new Actor(name, user, browserId(`fuzz-${name}-${'b'.repeat(22)}`))
    this.eve = actor('eve', '')
    this.mallory = actor('mallory', 's:mallory')
    this.one = actor('one', 's:01')
    this.victims = [actor('vic', ''), actor('ann', 's:ann'), actor('number', 'n:1')]
    const { settings } = this.core
    const { maxAge, secrets, clock } = settings
    const cookie = (keys: SigningKeys, now = clock) => liveCookie(keys, settings.cookie, now)
    const other = ['another secret of at least thirty-two bytes']
    this.foreign = {
      tickets: new Tickets(new SigningKeys(other, 'ticket'), maxAge),
      cookie: cookie(new SigningKeys(other, 'cookie')),
    }
    this.confused = {
      tickets: new Tickets(new SigningKeys(secrets, 'cookie'), maxAge),
      cookie: cookie(new SigningKeys(secrets, 'ticket')),
    }
    this.expired = { cookie: cookie(new SigningKeys(secrets, 'cookie'), () => clock() - 32 * DAY) }
  }

  static async start(): Promise<World> {
    const clock = testClock(START)
    const app = await App.start({ clock, routes, options: { identify, ...limits }, attach: { handshake: [] } })
    const world = new World(app as unknown as App)
    for (const actor of world.attackers) world.#give(actor, `own-${actor.name}`)
    for (const victim of world.victims) world.#give(victim, `${CANARY}-${victim.name}`)
    await world.settle()
    return world
  }

  get attackers(): readonly Actor[] {
    return [this.eve, this.mallory, this.one]
  }

  get own(): string {
    return this.app.url
  }

  get now(): number {
    return this.app.clock.now()
  }

  /** Advances the clock and reconnects actors, between two inputs. */
  async settle(): Promise<void> {
    this.app.clock.advance(1)
    this.stolen.clear()
    for (const actor of [...this.attackers, ...this.victims]) {
      if (!actor.socket?.isOpen) actor.socket = await this.open(this.headers(actor))
      actor.settle()
    }
    await this.#settleCookieless()
  }

  headers({ user, cookies }: Actor, cookie: string | undefined = cookies.at(-1)): Record<string, string> {
    return {
      host: this.own.replace('http://', ''),
      ...(user === '' ? {} : { 'x-user': user }),
      ...(cookie === undefined ? {} : { cookie }),
    }
  }

  /** Returns a victim's valid cookie of an unused browser. */
  steal(browserId: string): string {
    const userId = userOf('s:ann')
    const cookie = cookieFor(this.app.live, {
      ...(userId === undefined ? {} : { userId }),
      browserId,
      values: { cart: [`${CANARY}-ann`] },
    })
    this.stolen.set(cookie, browserId)
    return cookie
  }

  /** Sets read-only and hidden values. */
  #give(actor: Actor, text: string): void {
    const { values: inMemory } = this.core
    const [subject] = actor.subjects
    const { browser } = actor
    if (subject === undefined || browser === undefined) throw new Error(`${actor.name} has no values`)
    const values = { division: text.length, cart: [text], role: text, secret: `${CANARY}-hidden` }
    const registers = Object.entries(values).map(([key, value]) => register(key, START, value))
    inMemory.merge(subject, registers, 'request')
    const userId = userOf(actor.user)
    actor.cookies.push(
      cookieFor(this.app.live, {
        ...(userId === undefined ? {} : { userId }),
        browserId: browser,
        values: { role: text },
      }),
    )
  }

  async #settleCookieless(): Promise<void> {
    const { socket } = this.cookieless
    if (socket?.isOpen && this.now - this.#cookielessSince < CONNECTION) return this.cookieless.settle()
    socket?.disconnect()
    const opened = await this.open(this.headers(this.stranger))
    const { browser, browserSubject } = opened.identity.visitor
    this.cookieless = new Actor('cookieless', '', browser, browserSubject)
    this.cookieless.socket = opened
    this.#cookielessSince = this.now
    this.cookieless.settle()
  }
}
