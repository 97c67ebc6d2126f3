import type { Defect } from './bundle.js'

/** Mistakes in what becomes of ids, cookies and values once a visitor has left, was revoked, or was erased. */
export const DEFECTS_OF_DEPARTURES: readonly Defect[] = [
  {
    name: 'no browser id is ever given up',
    file: 'server/identity/identities.ts',
    find: 'this.#core.epochs.giveUp(browserSubject(browser), user)\n    if (!hasLeft)',
    replace: 'if (!hasLeft)',
  },
  {
    name: 'a late answer writes the cookie of an id that was given up',
    file: 'server/http/exchange.ts',
    find: 'hasEnded: epochs.hasEnded(this.#recognized, this.#revocations) || this.#isGivenUpSince,',
    replace: 'hasEnded: false,',
  },
  {
    name: 'a late answer writes the cookie of a user who was revoked',
    file: 'server/identity/epochs.ts',
    find: 'if (cookie) return !this.isCurrent(cookie)',
    replace: 'if (cookie) return this.isGivenUp(cookie.browserSubject)',
  },
  {
    name: 'a late answer writes the cookie of a user who had none, and has left',
    file: 'server/identity/epochs.ts',
    find: ' || (userSub !== undefined && this.hasLeftSince(userSub, revocations))',
    replace: '',
  },
  {
    name: 'the values of a user go to the next visitor',
    file: 'server/identity/identities.ts',
    find: 'isGuest ? registers : registers.filter(this.#core.sessions.isBrowsers)',
    replace: 'registers',
  },
  {
    name: 'erased values stay',
    file: 'server/plugin.ts',
    find: 'sessions.erase(user)',
    replace: '',
  },
  {
    name: 'cookies bring erased values back',
    file: 'server/plugin.ts',
    find: 'epochs.erase(user, newestOf(stamps))',
    replace: 'void [epochs, stamps, newestOf]',
  },
  {
    name: 'what comes after an erasure may be dated before it',
    file: 'server/values/sessions.ts',
    find: 'return toStamp(this.#core.epochs.erasedUntil(subject) + 1)',
    replace: 'return toStamp(1)',
  },
  {
    name: 'sockets of a user who was revoked stay open',
    file: 'server/plugin.ts',
    find: "await connections.end(connections.of(user), 'other_subject')",
    replace: '',
  },
  {
    name: 'a page carries its changes over without asking whether its own id was given up',
    file: 'client/core/carried.ts',
    find: 'turn.doubts = hasWants ? all.filter((id) => id !== browser) : []',
    replace: 'turn.doubts = hasWants ? all.filter((id) => id === browser) : []',
  },
  {
    name: 'a page does not hear that its id was given up',
    file: 'client/core/posts.ts',
    find: 'else decide(turn, posting.doubt, error?.givenUp)',
    replace: 'else decide(turn, posting.doubt, false)',
  },
  {
    name: 'a refusal does not say that an id is about to be given up',
    file: 'server/http/stray-page.ts',
    find: ' || (browser && subjectHash(browser) === page)',
    replace: '',
  },
  {
    name: 'a page sends what it doubts as it is left',
    file: 'client/core/posts.ts',
    find: 'turn.doubts.length > 0 ? [] : parting(turn)',
    replace: 'parting(turn)',
  },
  {
    name: 'a refusal does not say that an id was given up',
    file: 'server/http/stray-page.ts',
    find: 'epochs.isPublicGivenUp(page) || ',
    replace: '',
  },
  {
    name: 'a refusal says of every id that it was given up',
    file: 'server/http/stray-page.ts',
    find: 'this.givenUp = isGivenUp || undefined',
    replace: 'this.givenUp = isGivenUp ? true : true',
  },
  {
    name: 'a process speaks for browser ids of before its start',
    file: 'server/http/stray-page.ts',
    find: ' ?? !newborns.hasSeen(page)',
    replace: ' ?? false',
  },
  {
    name: 'a process does not know the browser ids that it has made',
    file: 'server/http/exchange.ts',
    find: 'if (isYoung && !this.cookie) newborns.add(visitor.browserSubject)',
    replace: '',
  },
]
