import type { Defect } from './bundle.js'

/** Mistakes in the merge rule, and in whose values are whose. */
export const DEFECTS_OF_RIGHTS: readonly Defect[] = [
  {
    name: 'on equal stamps the last to come wins',
    file: 'shared/register.ts',
    find: 'if (next.stamp !== current.stamp) return next.stamp > current.stamp',
    replace: 'if (next.stamp !== 0) return next.stamp >= current.stamp',
  },
  {
    name: 'the older stamp wins',
    file: 'shared/register.ts',
    find: 'if (next.stamp !== current.stamp) return next.stamp > current.stamp',
    replace: 'if (next.stamp !== current.stamp) return next.stamp < current.stamp',
  },
  {
    name: 'a merge takes whatever comes last',
    file: 'shared/replica.ts',
    find: 'if (!isNews(register, current)) return false',
    replace: '',
  },
  {
    name: 'a merge changes the value and keeps the stamp',
    file: 'shared/replica.ts',
    find: '      this.#cells[at + 1] = stamp\n',
    replace: '',
  },
  {
    name: 'a tombstone is ignored',
    file: 'shared/replica.ts',
    find: 'if (!isNews(register, current)) return false',
    replace: 'if (value === undefined || !isNews(register, current)) return false',
  },
  {
    name: 'stamps are the clock alone',
    file: 'shared/stamp.ts',
    find: 'Math.floor(Math.max(now, last + 1))',
    replace: 'Math.floor(now) + 0 * last',
  },
  {
    name: 'a stamp may repeat the last one',
    file: 'shared/stamp.ts',
    find: 'last + 1',
    replace: 'last',
  },
  {
    name: 'what a sign-in brings along is stamped like a write',
    file: 'server/kernel/visitors/login.ts',
    find: '[{ ...register, stamp: LOGIN_STAMP }]',
    replace: '[{ ...register, stamp: settings.clock() }]',
  },
  {
    name: 'a sign-in brings along what only the server may write',
    file: 'server/kernel/visitors/login.ts',
    find: "return field?.access === 'write' && field.scope === scope",
    replace: 'return field?.scope === scope',
  },
  {
    name: 'a sign-in leaves behind what belongs to the browser',
    file: 'server/kernel/visitors/login.ts',
    find: "user === undefined ? registers : registers.filter(({ key }) => isVisitors(fields.get(key), 'browser'))",
    replace: 'user === undefined ? registers : []',
  },
  {
    name: 'a sign-in brings nothing along',
    file: 'server/kernel/visitors/identities.ts',
    find: 'login.bring(old, next.visitor)',
    replace: 'void login',
  },
  {
    name: 'scope is ignored',
    file: 'server/kernel/names/visitor.ts',
    find: "return field?.scope === 'browser' ? this.browserSubject : (this.user ?? this.browserSubject)",
    replace: 'return field === undefined ? this.user : (this.user ?? this.browserSubject)',
  },
  {
    name: 'a cookie of another user is taken for this one’s',
    file: 'server/kernel/visitors/decide.ts',
    find: "return cookie.user === user ? 'own' : 'other'",
    replace: "return 'own'",
  },
  {
    name: 'the epoch of a cookie is not looked at',
    file: 'server/kernel/ends/epochs.ts',
    find: '(user === undefined || this.accepts(user, cookie))',
    replace: '(user === undefined || cookie.epoch >= 0)',
  },
  {
    name: 'a browser id that was given up is good again',
    file: 'server/kernel/ends/epochs.ts',
    find: 'return this.#givenUp.get(name) !== undefined',
    replace: 'return name.length === 0',
  },
  {
    name: 'the epoch of a ticket is not looked at',
    file: 'server/kernel/exchange/redeem.ts',
    find: 'if (!epochs.accepts(sub, signed)) throw outdated(index)',
    replace: '',
  },
  {
    name: 'a user may redeem any ticket',
    file: 'server/kernel/exchange/redeem.ts',
    find: 'if (user !== undefined && sub === userSub) {',
    replace: 'if (user !== undefined) {',
  },
  {
    name: 'the signature of a ticket is not checked',
    file: 'server/kernel/values/ticket.ts',
    find: 'if (!this.#keys.verify(kid,',
    replace: 'if (alg === undefined && !this.#keys.verify(kid,',
  },
  {
    name: 'a ticket may choose its algorithm',
    file: 'server/kernel/values/ticket.ts',
    find: "alg !== ALGORITHM || typ !== TYPE || typeof kid !== 'string' || crit !== undefined) return undefined",
    replace:
      "typ !== TYPE || crit !== undefined || (alg !== 'none' && typeof kid !== 'string')) return undefined\n    if (alg === 'none' || typeof kid !== 'string') return { ...decode(payload), registers: parse(decode(payload)['changes']), issuedAt: now } as never",
  },
  {
    name: 'the signature of a cookie is not checked',
    file: 'server/kernel/cookie/cookie.ts',
    find: 'if (index < 0) {',
    replace: 'if (index < -1) {',
  },
  {
    name: 'a remembered signature is good for any text',
    file: 'server/kernel/cookie/cookie.ts',
    find: 'known?.text === text ? known : this.#decode(text, signature)',
    replace: 'known ?? this.#decode(text, signature)',
  },
  {
    name: 'what was signed by a rotated key is worthless',
    file: 'server/kernel/names/keys.ts',
    find: 'return this.#keys.findIndex(({ key }) => isEqual(mac(key, text), signature))',
    replace: 'return this.#keys.slice(0, 1).findIndex(({ key }) => isEqual(mac(key, text), signature))',
  },
  {
    name: 'a ticket signed by a rotated key is worthless',
    file: 'server/kernel/names/keys.ts',
    find: 'this.#keys.find((key) => key.id === id)',
    replace: 'this.#keys.slice(0, 1).find((key) => key.id === id)',
  },
  {
    name: 'a guest’s ticket is taken after the sign-in',
    file: 'server/kernel/exchange/redeem.ts',
    find: 'if (sub !== subjectHash(browserSubject))\n    throw',
    replace:
      'if (user !== undefined && sub !== subjectHash(browserSubject)) return user\n  if (sub !== subjectHash(browserSubject))\n    throw',
  },
]
