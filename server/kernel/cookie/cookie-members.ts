import type { BrowserSubject } from '../names/subject.js'

/** What a part keeps in the live cookie, in the room that registers leave. */
export interface CookieMember {
  /** Its name in the cookie. */
  readonly name: string
  /** Whether a cookie written now would say something else. */
  isOutdated(brought: unknown): boolean
  /**
   * What a cookie written now says, as JSON; undefined for nothing.
   *
   * @param brought what the request's own cookie says, as JSON that was signed
   * @param fits whether there is room
   */
  write(browser: BrowserSubject, brought: unknown, fits: (value: unknown) => boolean): unknown
}

/** What parts have in a cookie, by their names. */
export type MemberValues = Readonly<Record<string, unknown>>

/** The parts' members of the live cookie. */
export class CookieMembers {
  readonly #all: readonly CookieMember[]

  constructor(all: readonly CookieMember[]) {
    this.#all = all
  }

  isOutdated(brought: MemberValues): boolean {
    return this.#all.some((member) => member.name in brought && member.isOutdated(brought[member.name]))
  }

  /** @param room bytes of the cookie that are left, asked for where there is something to write */
  write(browser: BrowserSubject, brought: MemberValues | undefined, room: () => number): MemberValues {
    let taken = 0
    const written: Record<string, unknown> = {}
    for (const member of this.#all) {
      const { name } = member
      const value = member.write(browser, brought?.[name], (value) => taken + bytesOf(name, value) <= room())
      if (value === undefined) continue
      taken += bytesOf(name, value)
      written[name] = value
    }
    return written
  }
}

/** In base64, with its comma. */
function bytesOf(name: string, value: unknown): number {
  return Math.ceil((Buffer.byteLength(`"${name}":${JSON.stringify(value)},`) * 4) / 3)
}
