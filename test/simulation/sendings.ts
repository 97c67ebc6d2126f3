import type { Sync, SyncAnswer } from '../../shared/protocol.js'
import { note } from './tally.js'

/** What became of a value that pages set, each time that it went out. */
interface Sending {
  sent: number
  heard: number
  /** It was refused once it may have arrived: what stood then. */
  overtakenAt: number | undefined
}

/** How often pages send what they set; computed values are the baskets' affair. */
export class Sendings {
  /** By value as JSON. */
  readonly #all = new Map<string, Sending>()

  /** It goes out. Says what is wrong with that. */
  fault({ set = [] }: Sync): string | undefined {
    for (const [, over, id, value] of set) {
      // It may arrive late: it says the value that it replaces.
      if (over < 0) return `sends ${JSON.stringify(value)} over anything`
      if (id !== '' || value === undefined) continue
      const sending = this.#of(value)
      sending.sent += 1
      if (sending.overtakenAt !== undefined && over >= sending.overtakenAt)
        return `makes ${JSON.stringify(value)} again, which may have arrived before it was overtaken`
    }
    return undefined
  }

  /** An answer has come, or a refusal of it all. */
  hears({ set = [] }: Sync, results: SyncAnswer['results'] = []): void {
    for (const [index, [, , id, value]] of set.entries()) {
      if (id !== '' || value === undefined) continue
      const sending = this.#of(value)
      sending.heard += 1
      const result = results[index]
      if (!result || !('code' in result) || result.stamp === undefined || sending.sent === sending.heard) continue
      note('what was sent again is overtaken')
      sending.overtakenAt = result.stamp
    }
  }

  /** Whether it never went out but to be answered. */
  hasNotArrived(value: unknown): boolean {
    const { sent, heard } = this.#of(value)
    return sent > 0 && sent === heard
  }

  #of(value: unknown): Sending {
    const text = JSON.stringify(value)
    const sending = this.#all.get(text) ?? { sent: 0, heard: 0, overtakenAt: undefined }
    this.#all.set(text, sending)
    return sending
  }
}
