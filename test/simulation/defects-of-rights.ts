import type { Defect } from './planting.js'

/** Mistakes in the merge rule, and in whose values are whose. */
export const DEFECTS_OF_RIGHTS: readonly Defect[] = [
  {
    name: 'on equal stamps the last to come wins',
    at: 'supersedes',
    find: 'textOf(next.value) > textOf(current.value)',
    replace: 'true',
  },
  {
    name: 'the older stamp wins',
    at: 'supersedes',
    find: 'next.stamp > current.stamp',
    replace: 'next.stamp < current.stamp',
  },
  {
    name: 'a merge takes whatever comes last',
    at: 'Replica.#put',
    find: 'isNews(…)',
    replace: 'true',
  },
  {
    name: 'a merge changes the value and keeps the stamp',
    at: 'Replica.#put',
    find: 'this.#cells[at + 1] = stamp',
    replace: 'undefined',
  },
  {
    name: 'a tombstone is ignored',
    at: 'Replica.#put',
    find: '!isNews(register, current)',
    replace: 'value === undefined || !isNews(register, current)',
  },
  {
    name: 'stamps are the clock alone',
    at: 'timeAfter',
    find: 'Math.max(now, last + 1)',
    replace: 'now',
  },
  {
    name: 'a stamp may repeat the last one',
    at: 'timeAfter',
    find: 'last + 1',
    replace: 'last',
  },
  {
    name: 'what a sign-in brings along is stamped like a write',
    at: 'Login.#transfer',
    find: 'stamp: LOGIN_STAMP',
    replace: 'stamp: settings.clock()',
  },
  {
    name: 'a sign-in brings along what only the server may write',
    at: 'isVisitors',
    find: 'isBrought(field)',
    replace: 'field !== undefined',
  },
  {
    name: 'a sign-in leaves behind what belongs to the browser',
    at: 'Login.bring',
    find: 'registers.filter(…)',
    replace: '[]',
  },
  {
    name: 'a sign-in brings nothing along',
    at: 'Identities.changeHands',
    find: '#login.bring(…)',
    replace: 'undefined',
  },
  {
    name: 'scope is ignored',
    at: 'Visitor.subject',
    find: "field?.scope === 'browser'",
    replace: 'false',
  },
  {
    name: 'a cookie of another user is taken for this one’s',
    at: 'relationOf',
    find: 'cookie.user === user',
    replace: 'true',
  },
  {
    name: 'the epoch of a cookie is not looked at',
    at: 'Epochs.isCurrent',
    find: 'this.accepts(…)',
    replace: 'true',
  },
  {
    name: 'a browser id that was given up is good again',
    at: 'Epochs.isGivenUp',
    find: '#givenUp.get(…)',
    replace: 'undefined',
  },
  {
    name: 'the epoch of a ticket is not looked at',
    at: 'subjectOf',
    find: 'epochs.accepts(…)',
    replace: 'true',
  },
  {
    name: 'a user may redeem any ticket',
    at: 'subjectOf',
    find: 'sub === userSub',
    replace: 'true',
  },
  {
    name: 'the signature of a ticket is not checked',
    at: 'Tickets.#read',
    find: '#keys.verify(…)',
    replace: 'true',
  },
  {
    name: 'a ticket may choose its algorithm',
    at: 'Tickets.#read',
    find: 'const { alg, typ, kid, crit } = decode(header)',
    replace:
      "const { alg, typ, kid, crit } = decode(header); if (alg === 'none') return { ...decode(payload), registers: parse(decode(payload)['changes'], now) }",
  },
  {
    name: 'the signature of a cookie is not checked',
    at: 'LiveCookie.#decode',
    find: 'index < 0',
    replace: 'false',
  },
  {
    name: 'a remembered signature is good for any text',
    at: 'LiveCookie.#verify',
    find: 'known?.text === text',
    replace: 'known',
  },
  {
    name: 'what was signed by a rotated key is worthless',
    at: 'SigningKeys.index',
    find: 'this.#keys',
    replace: 'this.#keys.slice(0, 1)',
  },
  {
    name: 'a ticket signed by a rotated key is worthless',
    at: 'SigningKeys.verify',
    find: 'this.#keys',
    replace: 'this.#keys.slice(0, 1)',
  },
  {
    name: 'a guest’s ticket is taken after the sign-in',
    at: 'subjectOf',
    find: 'const { user, userSub, browserSubject } = visitor',
    replace:
      'const { user, userSub, browserSubject } = visitor; if (user !== undefined && sub !== userSub && sub !== subjectHash(browserSubject)) return user',
  },
]
