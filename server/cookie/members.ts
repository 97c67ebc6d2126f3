// Collects the features' contents for the live cookie, such as flash messages, within the space beside the registers.

import type { BrowserSubject } from '../subjects/subject.js'

/** A feature's content in the live cookie, in the space beside the registers. */
export interface CookieMember {
  /** The member's name in the cookie. */
  readonly name: string
  /** Returns whether a cookie written now would have other content of this member than the request's cookie. */
  isOutdated(received: unknown): boolean
  /**
   * Returns the content for a cookie written now, as JSON; undefined for nothing.
   *
   * @param received the content of the request's own cookie, as verified JSON
   * @param fits returns whether the given content fits into the cookie
   */
  write(browser: BrowserSubject, received: unknown, fits: (value: unknown) => boolean): unknown
}

/** The contents of features in a cookie, by member name. */
export type MemberValues = Readonly<Record<string, unknown>>

/** All features' members of the live cookie. */
export class CookieMembers {
  readonly #features: readonly { readonly cookie?: CookieMember }[]

  /** @param features empty until all features are created */
  constructor(features: readonly { readonly cookie?: CookieMember }[]) {
    this.#features = features
  }

  get #all(): readonly CookieMember[] {
    return this.#features.flatMap(({ cookie }) => cookie ?? [])
  }

  isOutdated(received: MemberValues): boolean {
    return this.#all.some((member) => member.name in received && member.isOutdated(received[member.name]))
  }

  /** @param space returns the bytes left in the cookie; called only if a member has content */
  write(browser: BrowserSubject, received: MemberValues | undefined, space: () => number): MemberValues {
    let taken = 0
    const written: Record<string, unknown> = {}
    for (const member of this.#all) {
      const { name } = member
      const value = member.write(browser, received?.[name], (value) => taken + bytesOf(name, value) <= space())
      if (value === undefined) continue
      taken += bytesOf(name, value)
      written[name] = value
    }
    return written
  }
}

/** Returns the bytes of a member in base64, with its comma. */
export function bytesOf(name: string, value: unknown): number {
  return Math.ceil((Buffer.byteLength(`"${name}":${JSON.stringify(value)},`) * 4) / 3)
}
