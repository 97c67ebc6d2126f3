import type { BrowserSubject } from '../names/subject.js'

/** The content that a part keeps in the live cookie, in the room that registers leave. */
export interface CookieMember {
  /** Its name in the cookie. */
  readonly name: string
  /** Returns whether a cookie written now would say something else. */
  isOutdated(brought: unknown): boolean
  /**
   * Returns what a cookie written now says, as JSON; undefined for nothing.
   *
   * @param brought what the request's own cookie says, as JSON that was signed
   * @param fits returns whether there is room
   */
  write(browser: BrowserSubject, brought: unknown, fits: (value: unknown) => boolean): unknown
}

/** The content that parts keep in a cookie, by their names. */
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

  /** @param room returns the bytes left in the cookie; called only if there is something to write */
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
