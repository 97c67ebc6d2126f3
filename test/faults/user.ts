import type { PageMessage } from '../../shared/protocol.js'
import { cookieContent } from '../support/app/cookie-content.js'
import { Visitor } from '../support/app/visitor.js'
import type { Page } from '../support/page/page.js'

/** ms: a limit for calls without an answer. */
const PATIENCE = 60_000
/** More writes than a user makes. */
const MANY = 100_000

/** The progress of a user's writes to a key. */
class Progress {
  /** The last write begun. */
  begun = 0
  /** The newest write the server has promised to keep. */
  kept = 0
}

/** A user with a page, who writes over its socket and by HTTP, and notes the server's promises. */
export class FaultUser {
  readonly id: string
  readonly division = new Progress()
  readonly draft = new Progress()
  readonly role = new Progress()
  readonly secret = new Progress()
  /** Broken promises. */
  readonly faults: string[] = []
  /** The newest role shown by the page. */
  #shown = 0
  readonly #number: number
  readonly #visitor: Visitor
  #page: Page | undefined

  constructor(number: number, url: string) {
    this.#number = number
    this.id = `u${number}`
    this.#visitor = new Visitor(url, `user=${this.id}`)
  }

  async open(): Promise<void> {
    const page = await this.#visitor.open({ path: '/snapshot' })
    this.#page = page
    // Only requests write the role, so the page never rolls back a role of its own.
    page.live.subscribe('role', (value) => {
      this.#see('the page', this.#shown, value)
      this.#shown = this.place('role', value)
    })
  }

  /** Writes in each way. Returns the number of answers. */
  async write(): Promise<number> {
    const done = await Promise.all([this.#writeByPage(), this.#writeBySocket(), this.#writeByRequest()])
    return done.filter(Boolean).length
  }

  /** Makes a request with the cookie, and checks the role in the response. */
  async look(): Promise<boolean> {
    // A late response to the page's POST may have replaced a newer request's cookie.
    const brought = this.place('role', this.#cookieValue('role'))
    const answer = await this.#fetch('/read')
    if (answer) this.#see('a request', brought, answer['role'])
    return answer !== undefined
  }

  /** Whether an older change of the page may return, because its unanswered POST may arrive late at a node without newer writes. */
  mayReturn(place: number): boolean {
    const value = this.#number * MANY + place
    const changes = this.#page?.unanswered.flatMap(({ set = [] }) => set) ?? []
    return changes.some(([key, , , written]) => key === 'division' && written === value)
  }

  close(): void {
    this.#visitor.leave()
  }

  /** Returns the number of a value's write. Another user's value is a fault. */
  place(key: string, value: unknown): number {
    if (value === undefined || value === '' || value === -1) return 0
    const [owner, place] = typeof value === 'number' ? [`u${Math.floor(value / MANY)}`, value % MANY] : parts(value)
    if (owner !== this.id) this.faults.push(`${key} has the value of another user: ${JSON.stringify(value)}`)
    return place
  }

  /** Writes with the real client, for which a saved change must survive every restart. */
  async #writeByPage(): Promise<boolean> {
    const place = this.#begin(this.division)
    const saved = this.#page?.live.set('division', this.#number * MANY + place).then(() => true)
    const isSaved = await this.#inTime('a change of a page', saved)
    if (isSaved) this.division.kept = place
    return isSaved === true
  }

  /** Writes a field outside the cookie over a bare socket; a stored change must survive every restart. */
  async #writeBySocket(): Promise<boolean> {
    const place = this.#begin(this.draft)
    const message: PageMessage = { set: [['draft', -1, '', this.#text(place)]] }
    const sent = this.#page?.socket?.timeout(2 * PATIENCE).emitWithAck('live_session:exchange', message)
    const ack = await this.#inTime('a change over a socket', sent)
    const level = ack?.results?.[0]?.level
    if (level === 'store') this.draft.kept = place
    return level !== undefined
  }

  /** Writes a field of the cookie, and a field kept only by the store. */
  async #writeByRequest(): Promise<boolean> {
    const place = this.#begin(this.role)
    this.secret.begun = place
    const answer = await this.#fetch(`/set?value=${this.#text(place)}`)
    if (!answer) return false
    const isStored = answer['level'] === 'store'
    // Another node's response to the page's POST may arrive later, with an older cookie.
    const isInCookie = !this.#visitor.mustAsk && this.place('role', this.#cookieValue('role')) === place
    if (isStored || isInCookie) this.role.kept = place
    if (isStored) this.secret.kept = place
    return this.look()
  }

  #begin(progress: Progress): number {
    progress.begun += 1
    return progress.begun
  }

  /** Texts have equal lengths, because on equal stamps the larger text wins. */
  #text(place: number): string {
    return `${this.id}:${String(place).padStart(6, '0')}`
  }

  #see(where: string, before: number, value: unknown): void {
    const place = this.place('role', value)
    if (place < before) this.faults.push(`${where} has shown the role of write ${place} after that of ${before}`)
  }

  #cookieValue(key: string): unknown {
    const { r = [] }: Partial<ReturnType<typeof cookieContent>> = cookieContent(this.#visitor)
    return r.find(([name]) => name === key)?.[2]
  }

  /** Returns the response's JSON, or nothing if the request is lost. */
  async #fetch(path: string): Promise<Record<string, unknown> | undefined> {
    try {
      const answer = await this.#visitor.fetch(path, { signal: AbortSignal.timeout(PATIENCE) })
      if (answer.status === 200) return await answer.json()
      // An ending node accepts no writes.
      if (answer.status === 503) return undefined
      this.faults.push(`a request was answered with ${answer.status}: ${await answer.text()}`)
    } catch (error) {
      // The node was killed, or no node runs.
      if (error instanceof Error && error.name === 'TimeoutError') this.faults.push(`${path} had no answer`)
    }
    return undefined
  }

  /** Returns the promise's value, or nothing if it rejects. */
  async #inTime<T>(name: string, promise: Promise<T> | undefined): Promise<T | undefined> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => {
        this.faults.push(`${name} never settled`)
        resolve(undefined)
      }, PATIENCE)
    })
    const settled = promise?.catch(() => undefined)
    const found = await Promise.race([settled, late])
    clearTimeout(timer)
    return found
  }
}

function parts(value: unknown): readonly [string, number] {
  const [owner = '', place] = String(value).split(':')
  return [owner, Number(place)]
}
