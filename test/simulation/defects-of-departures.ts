import type { Defect } from './bundle.js'

/** Mistakes in what becomes of ids, cookies and values once a visitor has left, was revoked, or was erased. */
export const DEFECTS_OF_DEPARTURES: readonly Defect[] = [
  {
    name: 'a visitor who leaves keeps the browser id',
    file: 'server/identity/identities.ts',
    find: 'for (const name of left) this.#epochs.retire(name)',
    replace: '',
  },
  {
    name: 'a late answer writes the cookie of an id that was given up',
    file: 'server/http/visit.ts',
    find: 'hasEnded: this.#hasEnded(),',
    replace: 'hasEnded: false,',
  },
  {
    name: 'a late answer writes the cookie of a user who was revoked',
    file: 'server/http/visit.ts',
    find: 'if (cookie) return !epochs.isCurrent(cookie)',
    replace: 'if (cookie) return epochs.isRetired(cookie.browserSubject)',
  },
  {
    name: 'a late answer writes the cookie of a user who had none, and has left',
    file: 'server/http/visit.ts',
    find: 'return visitor.user !== undefined && epochs.hasLeftSince(subjectHash(visitor.user), this.#since)',
    replace: 'return false',
  },
  {
    name: 'a late request replaces the cookie of who came after',
    file: 'server/http/answer-cookie.ts',
    find: "'given-up': 'sets'",
    replace: "'given-up': 'reads'",
  },
  {
    name: 'a page of the former visitor is given a new id',
    file: 'server/http/endpoint.ts',
    find: 'if (!isUsers || !identities.follows(read, user)) throw otherSubject()',
    replace: '',
  },
  {
    name: 'an id that was given up leads every guest and user to who has signed in there',
    file: 'server/identity/identities.ts',
    find: 'known.user !== user || ',
    replace: '',
  },
  {
    name: 'what is set under an id that was given up meanwhile is lost in silence',
    file: 'server/http/request.ts',
    find: 'if (this.#visit.isSuperseded && !identities.hasSuccessor(this.#visit.visitor)) throw superseded()',
    replace: '',
  },
  {
    name: 'what is written during a sign-in stays behind',
    file: 'server/http/request.ts',
    find: 'identities.passOn(visitor)',
    replace: '',
  },
  {
    name: 'a handshake takes a cookie that was revoked',
    file: 'server/sockets/handshake.ts',
    find: '(user === undefined || !epochs.isCurrent(read))',
    replace: 'user === undefined',
  },
  {
    name: 'a handshake takes the cookie of a user who has signed out',
    file: 'server/sockets/handshake.ts',
    find: '(user === undefined || !epochs.isCurrent(read))',
    replace: '(user !== undefined && !epochs.isCurrent(read))',
  },
  {
    name: 'a handshake takes the cookie of another visitor',
    file: 'server/identity/identities.ts',
    find: "return this.#returning(cookie, user) ?? stranger(user, 'former')",
    replace: "return { ...stranger(user, 'former'), visitor: new Visitor(cookie.browser, user) }",
  },
  {
    name: 'the values of a user go to the next visitor',
    file: 'server/identity/identities.ts',
    find: 'isGuest ? registers : registers.filter(this.#sessions.isBrowsers)',
    replace: 'registers',
  },
  {
    name: 'erased values stay',
    file: 'server/plugin.ts',
    find: 'this.#core.sessions.erase(user)',
    replace: '',
  },
  {
    name: 'cookies bring erased values back',
    file: 'server/plugin.ts',
    find: 'const revoked = this.revoke(id)',
    replace: 'const revoked = undefined',
  },
  {
    name: 'sockets of a user who was revoked stay open',
    file: 'server/plugin.ts',
    find: "await connections.end(connections.of(user), 'other_subject')",
    replace: '',
  },
]
