import type { Sync } from '../../shared/protocol.js'
import { Visitor } from '../support/app/visitor.js'
import type { Page } from '../support/page/page.js'

/** ms: a limit for what never comes, and none for a slow or busy machine. */
const PATIENCE = 60_000
/** More writes than a user makes. */
const MANY = 100_000

/** How far the writes of a key have got that one user makes one after the other. */
class Progress {
  /** The last that was begun. */
  begun = 0
  /** The newest that may not get lost. */
  kept = 0
}

/** A user of the fault run with one page: writes over its socket and over HTTP, and what has been promised of them. */
export class FaultUser {
  readonly id: string
  readonly division = new Progress()
  readonly draft = new Progress()
  readonly role = new Progress()
  readonly secret = new Progress()
  /** What must never be. */
  readonly faults: string[] = []
  /** The newest role that the page has shown. */
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
    const page = await this.#visitor.open({ path: '/page' })
    this.#page = page
    // Only requests write it: no page takes it back.
    page.live.subscribe('role', (value) => {
      this.#see('the page', this.#shown, value)
      this.#shown = this.place('role', value)
    })
  }

  /** One write each way. How many have come to something. */
  async write(): Promise<number> {
    const done = await Promise.all([this.#writeByPage(), this.#writeBySocket(), this.#writeByRequest()])
    return done.filter(Boolean).length
  }

  /** Brings the cookie, and looks at what the answer shows. */
  async look(): Promise<boolean> {
    // An answer to the page's POST may have been later than that of a newer request, and have brought an older cookie.
    const brought = this.place('role', this.#cookieValue('role'))
    const answer = await this.#fetch('/')
    if (answer) this.#see('a request', brought, answer['role'])
    return answer !== undefined
  }

  /** Whether a change of the page may be the newest again: its POST had no answer, and may have come late to a node that knew of none. */
  mayReturn(place: number): boolean {
    const value = this.#number * MANY + place
    const changes = this.#page?.unanswered.flatMap(({ set = [] }) => set) ?? []
    return changes.some(([key, , , written]) => key === 'division' && written === value)
  }

  close(): void {
    this.#visitor.leave()
  }

  /** What a value is the how manyth of; of another user it is a fault. */
  place(key: string, value: unknown): number {
    if (value === undefined || value === '' || value === -1) return 0
    const [owner, place] = typeof value === 'number' ? [`u${Math.floor(value / MANY)}`, value % MANY] : parts(value)
    if (owner !== this.id) this.faults.push(`${key} has the value of another user: ${JSON.stringify(value)}`)
    return place
  }

  /** Over the real client: what it says is saved outlives every restart. */
  async #writeByPage(): Promise<boolean> {
    const place = this.#begin(this.division)
    const saved = this.#page?.live.set('division', this.#number * MANY + place).then(() => true)
    const isSaved = await this.#inTime('a change of a page', saved)
    if (isSaved) this.division.kept = place
    return isSaved === true
  }

  /** Over a bare socket, into a key that no cookie has: what is acknowledged as stored outlives every restart. */
  async #writeBySocket(): Promise<boolean> {
    const place = this.#begin(this.draft)
    const sync: Sync = { set: [['draft', -1, '', this.#text(place)]] }
    const sent = this.#page?.socket?.timeout(2 * PATIENCE).emitWithAck('live_session:sync', sync)
    const ack = await this.#inTime('a change over a socket', sent)
    const level = ack?.results?.[0]?.level
    if (level === 'store') this.draft.kept = place
    return level !== undefined
  }

  /** Into a key that the cookie has, and one that only the store has. */
  async #writeByRequest(): Promise<boolean> {
    const place = this.#begin(this.role)
    this.secret.begun = place
    const answer = await this.#fetch(`/set?value=${this.#text(place)}`)
    if (!answer) return false
    const isStored = answer['level'] === 'store'
    // Another node's answer to the page's POST may be later, and bring an older cookie.
    const isInCookie = !this.#visitor.isAsking && this.place('role', this.#cookieValue('role')) === place
    if (isStored || isInCookie) this.role.kept = place
    if (isStored) this.secret.kept = place
    return this.look()
  }

  #begin(progress: Progress): number {
    progress.begun += 1
    return progress.begun
  }

  /** Of equal lengths: on equal stamps the larger text wins. */
  #text(place: number): string {
    return `${this.id}:${String(place).padStart(6, '0')}`
  }

  #see(where: string, before: number, value: unknown): void {
    const place = this.place('role', value)
    if (place < before) this.faults.push(`${where} has shown the role of write ${place} after that of ${before}`)
  }

  /** What the live cookie says: docs/protocol.md. */
  #cookieValue(key: string): unknown {
    const [, text = ''] = /(?:^|; )live=([^;]*)/.exec(this.#visitor.cookie) ?? []
    const { r = [] }: { readonly r?: readonly (readonly unknown[])[] } = JSON.parse(
      Buffer.from(text, 'base64').toString() || '{}',
    )
    return r.find(([name]) => name === key)?.[2]
  }

  /** What a request came to; nothing where it was lost. */
  async #fetch(path: string): Promise<Record<string, unknown> | undefined> {
    try {
      const answer = await this.#visitor.fetch(path, { signal: AbortSignal.timeout(PATIENCE) })
      if (answer.status === 200) return await answer.json()
      // A node that is about to end takes no more writes.
      if (answer.status === 503) return undefined
      this.faults.push(`a request was answered with ${answer.status}: ${await answer.text()}`)
    } catch (error) {
      // The node that had it was killed, or there was none.
      if (error instanceof Error && error.name === 'TimeoutError') this.faults.push(`${path} had no answer`)
    }
    return undefined
  }

  /** What it comes to; nothing where that is a rejection. */
  async #inTime<T>(what: string, promise: Promise<T> | undefined): Promise<T | undefined> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => {
        this.faults.push(`${what} came to nothing`)
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
