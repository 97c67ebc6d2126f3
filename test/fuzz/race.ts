import { CookieJar } from 'tough-cookie'
import { type BrowserId, subjectHash, userSubject } from '../../server/kernel/names/subject.js'
import { Visitor } from '../../server/kernel/names/visitor.js'
import { whoOf } from '../../server/kernel/visitors/who.js'
import { coreOf } from '../../server/plugin.js'
import { readCookie } from '../support/signed-cookie.js'
import type { Dice } from './dice.js'
import { type Answer, answerOf } from './light-http.js'
import type { RaceApp } from './race-app.js'

/** What a person does; the rest is done by pages beside. */
const PERSONAL = ['/login', '/login', '/logout/leave', '/logout/identify', '/forget'] as const
const PAGES = ['/set', '/set', '/form', '/read', '/page', 'ask', 'post', 'post', 'post of the page'] as const
type Kind = (typeof PERSONAL)[number] | (typeof PAGES)[number]

/** Who used the browser for a while: a guest, and the user as whom that guest has signed in. */
interface Turn {
  user: string | undefined
}

interface Flight {
  readonly kind: Kind
  readonly text: string
  readonly turn: Turn
  readonly user: string | undefined
  readonly nextUser: string | undefined
  /** The id of the live cookie that it brings. */
  readonly browser: string | undefined
  readonly app: RaceApp
  /** Lets it go on to the next place in which it is held. */
  go: () => void
  /** Whether its cookie had been given up when the server began with it, of which the browser had not been told. */
  isLate: boolean
  answer?: Answer
}

const URL = 'http://race.example/'
/** Requests that are under way at once. */
const MOST = 6

/** One browser whose requests are held on their way there, at each await, and on their way back, while people sign in and out. */
export class Race {
  readonly findings: string[] = []
  readonly log: string[] = []
  readonly #dice: Dice
  readonly #apps: readonly RaceApp[]
  readonly #users: readonly string[]
  readonly #jar = new CookieJar()
  readonly #flights = new Set<Flight>()
  /** By value: in whose turn it was set. */
  readonly #set = new Map<number, Turn>()
  #turn: Turn = { user: undefined }
  #user: string | undefined
  #count = 0

  constructor(dice: Dice, apps: readonly RaceApp[], name: string) {
    this.#dice = dice
    this.#apps = apps
    this.#users = [`ann-${name}`, `bob-${name}`]
  }

  async run(steps: number): Promise<readonly string[]> {
    for (let step = 0; step < steps; step += 1) {
      await this.#step()
      this.#look()
    }
    this.#hold(false)
    for (const flight of this.#flights) await this.#land(flight)
    await this.#rest()
    return this.findings.length === 0 ? [] : [...this.findings, ...this.log]
  }

  async #step(): Promise<void> {
    const dice = this.#dice
    // Nothing ties what comes without a cookie to what comes after: docs/security.md says so.
    if (browserIn(this.#cookie) === undefined) return this.#land(await this.#send('/page'))
    const flights = [...this.#flights]
    if (flights.length === 0 || (flights.length < MOST && dice.chance(0.4))) {
      const flight = await this.#send()
      // A page asks for as long as it waits for the answer, and no longer: docs/security.md says what a late one does.
      if (flight.kind === 'ask') await this.#land(flight)
      return
    }
    if (this.#apps.length > 1 && dice.chance(0.1)) return this.#hold(dice.chance(0.5))
    const flight = dice.pick(flights)
    if (!flight.answer) await this.#advance(flight)
    else this.#deliver(flight)
  }

  async #send(kind = this.#kind()): Promise<Flight> {
    const app = this.#dice.pick(this.#apps)
    this.#count += 1
    const value = this.#count
    const nextUser = kind === '/login' ? this.#dice.pick(this.#users) : undefined
    const { method, url, body } = this.#request(kind, value, nextUser)
    const cookie = this.#cookie
    const browser = browserIn(cookie)
    const text = `${this.#count}: ${kind} ${nextUser ?? ''} of ${this.#user ?? 'a guest'} (${browser ?? 'none'}) at node ${this.#apps.indexOf(app)}`
    const flight: Flight = {
      ...{ kind, text, turn: this.#turn, user: this.#user, nextUser, browser, app, isLate: false },
      go: () => undefined,
    }
    if (['/set', '/form', 'post', 'post of the page'].includes(kind)) this.#set.set(value, this.#turn)
    this.log.push(`${text} is sent`)
    this.#flights.add(flight)
    const headers = {
      host: 'race.example',
      origin: 'http://race.example',
      'content-type': 'application/json',
      'content-length': String(body.length),
      'x-race': app.hold((go) => {
        flight.go = go
      }),
      ...(cookie === '' ? {} : { cookie }),
    }
    const begin = (): void => {
      const end = coreOf(app.live).epochs.givenUp(`browser:${browser}` as never)?.epoch
      flight.isLate = end !== undefined && toldEnd(cookie, browser) < end
      void answerOf(app.listener, { method, url, headers, body: Buffer.from(body) }).then((answer) => {
        flight.answer = answer
      })
    }
    flight.go = begin
    return flight
  }

  /** A person waits for the answer to a sign-in or a sign-out before the next one. */
  #kind(): Kind {
    const isWaiting = [...this.#flights].some(({ kind }) => (PERSONAL as readonly Kind[]).includes(kind))
    return this.#dice.pick<Kind>(isWaiting || this.#dice.chance(0.6) ? PAGES : PERSONAL)
  }

  #request(kind: Kind, value: number, user: string | undefined): { method: string; url: string; body: string } {
    const json = (body: unknown, url = '/store_session') => ({ method: 'POST', url, body: JSON.stringify(body) })
    const set = [['division', -1, '', value]]
    if (kind === 'ask') return json({})
    if (kind === 'post') return json({ set })
    if (kind === 'post of the page') return json({ who: whoIn(this.#cookie, this.#user), set })
    if (kind === '/form') return json({ division: value }, '/form')
    const query = kind === '/login' ? `?user=${user}` : kind === '/set' ? `?division=${value}` : ''
    return { method: 'GET', url: `${kind}${query}`, body: '' }
  }

  async #advance(flight: Flight): Promise<void> {
    this.log.push(`${flight.text} goes on`)
    flight.go()
    await settled()
    if (flight.answer) this.#answered(flight, flight.answer)
  }

  #answered({ text, kind, isLate, browser, app }: Flight, { status, cookies }: Answer): void {
    const written = cookies.find((cookie) => cookie.startsWith('live='))
    const id = written && browserIn(written)
    this.log.push(`${text} is answered ${status}${written ? ` with ${id || 'no'} id` : ''}${isLate ? ', late' : ''}`)
    if (status >= 500) this.#find(`${text} is answered ${status}`)
    const mayBring = kind === 'ask' || (PERSONAL as readonly Kind[]).includes(kind)
    if (!isLate || mayBring || id === undefined) return
    const { heir } = coreOf(app.live).epochs.givenUp(`browser:${browser}` as never) ?? {}
    const isHeirs = heir !== undefined && readCookie(written ?? '')['user'] === subjectHash(heir)
    if (!isHeirs) this.#find(`${text} is late, and brings a cookie`)
  }

  #deliver(flight: Flight): void {
    const { kind, text, answer, nextUser } = flight
    this.#flights.delete(flight)
    for (const cookie of answer?.cookies ?? []) this.#jar.setCookieSync(cookie, URL)
    this.log.push(`${text} arrives`)
    if (!(PERSONAL as readonly Kind[]).includes(kind)) return
    // A guest who signs in goes on; anyone else makes room for the next.
    if (this.#user === undefined && nextUser !== undefined) this.#turn.user = nextUser
    else if (this.#user !== nextUser || browserIn(this.#cookie) === undefined) this.#turn = { user: nextUser }
    this.#user = nextUser
  }

  async #land(flight: Flight): Promise<void> {
    while (!flight.answer) await this.#advance(flight)
    this.#deliver(flight)
  }

  #hold(isHeld: boolean): void {
    this.log.push(isHeld ? 'nodes hear nothing' : 'nodes hear of each other')
    for (const { bus } of this.#apps) bus.isHeld = isHeld
  }

  /** No account has what was set in the turn of another. */
  #look(): void {
    for (const { live } of this.#apps) {
      for (const user of this.#users) {
        const value = coreOf(live)
          .sessions.find(userSubject(user))
          ?.registers()
          .find(({ key }) => key === 'division')?.value
        const turn = typeof value === 'number' ? this.#set.get(value) : undefined
        // A guest's who is about to sign in.
        const isComing = [...this.#flights].some((flight) => flight.turn === turn && flight.nextUser === user)
        if (turn && turn.user !== user && !(turn.user === undefined && isComing))
          this.#find(`${user} has ${value}, which was set by ${turn.user ?? 'a guest'}`)
      }
    }
  }

  /** Once all has arrived, a page that asks is told whose it is, wherever, and what it sets is there. */
  async #rest(): Promise<void> {
    const done = async (kind: Kind): Promise<Answer | undefined> => {
      const flight = await this.#send(kind)
      await this.#land(flight)
      this.#look()
      if (flight.answer?.status !== 200) this.#find(`${flight.text} is answered ${flight.answer?.status}`)
      return flight.answer
    }
    await done('/read')
    if (this.#user !== undefined && readCookie(this.#cookie)['user'] === undefined)
      this.#find(`the browser of ${this.#user} keeps a guest's cookie`)
    await done('ask')
    const cookie = readCookie(this.#cookie)
    const user = this.#user === undefined ? undefined : subjectHash(userSubject(this.#user))
    if (cookie['user'] !== user) this.#find(`the browser of ${this.#user ?? 'a guest'} keeps another's cookie`)
    await done('/set')
    const value = String(this.#count)
    const read = await done('/read')
    if (read?.text !== value) this.#find(`${value} was set, and ${read?.text} is read`)
  }

  get #cookie(): string {
    return this.#jar.getCookieStringSync(URL)
  }

  #find(what: string): void {
    this.findings.push(what)
  }
}

function browserIn(header: string): string | undefined {
  return /(?:^|; )live=[^;]/.test(header) ? String(readCookie(header)['browser']) : undefined
}

/** When this id ended, as the browser knows; 0 if it does not. */
function toldEnd(header: string, browser: string | undefined): number {
  const [, end, id] = /(?:^|; )live\.ended=(\d+)\.([\w-]+)/.exec(header) ?? []
  return id === browser ? Number(end) : 0
}

/** How the page says whose it is that has come with this cookie. */
function whoIn(header: string, user: string | undefined): string {
  const { browser, epoch } = readCookie(header)
  const owner = new Visitor(String(browser) as BrowserId, user === undefined ? undefined : userSubject(user))
  return whoOf(owner, true, Number(epoch)) ?? ''
}

/** Until all goes on that can. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
