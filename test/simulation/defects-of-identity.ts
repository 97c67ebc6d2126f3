import type { Defect } from './bundle.js'

/** Mistakes in who a browser is, and in what its pages make of that. */
export const DEFECTS_OF_IDENTITY: readonly Defect[] = [
  {
    name: 'a guest is led to the successor',
    file: 'server/kernel/names/identities.ts',
    find: '    if (user === undefined) return newBrowserId()\n',
    replace: '',
  },
  {
    name: 'a successor that was given up is given again',
    file: 'server/kernel/names/identities.ts',
    find: 'this.#core.epochs.isGivenUp(browserSubject(successor)) ? newBrowserId() : successor',
    replace: 'successor',
  },
  {
    name: 'every request that signs in makes an id of its own',
    file: 'server/kernel/names/identities.ts',
    find: 'return this.#core.epochs.isGivenUp(browserSubject(successor)) ? newBrowserId() : successor',
    replace: 'return newBrowserId()',
  },
  {
    name: 'a guest may redeem any ticket',
    file: 'server/kernel/names/redeem.ts',
    find: 'if (sub !== subjectHash(browserSubject))\n',
    replace: 'if (user !== undefined && sub !== subjectHash(browserSubject))\n',
  },
  {
    name: 'a handshake takes a cookie that was given up',
    file: 'server/kernel/connections/handshake.ts',
    find: "'given-up', 'missed', 'revoked'",
    replace: "'revoked'",
  },
  {
    name: 'a handshake takes the cookie of a user who was revoked',
    file: 'server/kernel/connections/handshake.ts',
    find: "'missed', 'revoked'",
    replace: "'missed'",
  },
  {
    name: 'a handshake takes the cookie of a user who has signed out',
    file: 'server/kernel/connections/handshake.ts',
    find: " || (relation === 'other' && isUsers)",
    replace: '',
  },
  {
    name: 'a user comes as the browser of a guest’s cookie',
    file: 'server/kernel/names/identities.ts',
    find: "if (relation !== 'own') return newVisitor(relation, user)",
    replace:
      "if (relation !== 'own')\n      return { ...newVisitor(relation, user), ...(relation === 'other' ? { visitor: new Visitor(cookie.browser, user) } : {}) }",
  },
  {
    name: 'values of a connection without a cookie outlive it',
    file: 'server/kernel/memory/subjects.ts',
    find: 'if (holding.replica.isEmpty || holding.isFleeting)',
    replace: 'if (holding.replica.isEmpty)',
  },
  {
    name: 'HTML brings a cookie in place of one that was given up',
    file: 'server/kernel/names/decide.ts',
    find: "'given-up': { visitor: 'next', least: 'renews'",
    replace: "'given-up': { visitor: 'next', least: 'shows'",
  },
  {
    name: 'what a late request sets is taken',
    file: 'server/kernel/requests/ended-since.ts',
    find: 'return this.#isLate || ',
    replace: 'return ',
  },
  {
    name: 'what is set under an id that was given up meanwhile is taken',
    file: 'server/kernel/requests/request.ts',
    find: 'if (visit.isSuperseded) throw superseded()',
    replace: '',
  },
  {
    name: 'the cookie is looked at as soon as the session is there',
    file: 'server/kernel/requests/requests.ts',
    find: '  if (handle) return handle\n',
    replace: '  handle?.begin()\n  if (handle) return handle\n',
  },
  {
    name: 'a POST that says whose page it is makes an id',
    file: 'server/kernel/requests/endpoint.ts',
    find: 'return isKept && who === wanted.who',
    replace: 'return !isKept || who === wanted.who',
  },
  {
    name: 'a POST of another visitor’s page is taken',
    file: 'server/kernel/requests/endpoint.ts',
    find: 'return isKept && who === wanted.who',
    replace: 'return isKept',
  },
  {
    name: 'a POST that is dropped gives the id up',
    file: 'server/kernel/requests/endpoint.ts',
    find: 'core.identities.find(cookie, user)',
    replace: 'core.identities.recognize(cookie, user)',
  },
  {
    name: 'what another visitor’s page says over a socket is taken',
    file: 'server/kernel/connections/page-events.ts',
    find: 'const isOwn = who === undefined || who === opener.who',
    replace: "const isOwn = who !== ''",
  },
  {
    name: 'a sign-out keeps the id',
    file: 'server/kernel/requests/visit.ts',
    find: 'await this.#become(identities.changeHands(this.#departing, undefined), ends)',
    replace: "this.does('renews')",
  },
  {
    name: 'a sign-out forgets what is the browser’s own',
    file: 'server/kernel/requests/visit.ts',
    find: 'if (this.visitor.user !== undefined && !isForgotten) {',
    replace: 'if (this.visitor.user !== undefined && isForgotten) {',
  },
  {
    name: 'a browser that is to be forgotten keeps its values',
    file: 'server/kernel/requests/visit.ts',
    find: 'const done = this.#become(identities.forget(this.#departing), ends)',
    replace: 'const done = this.#become(identities.changeHands(this.#departing, undefined), ends)',
  },
  {
    name: 'the epoch of a cookie is not looked at when it comes in',
    file: 'server/kernel/names/decide.ts',
    find: "if (!ends.isCurrent(cookie)) return 'revoked'",
    replace: '',
  },
  {
    name: 'a connection without a cookie is told of a browser',
    file: 'server/kernel/names/who.ts',
    find: 'const isKept = cookie !== undefined && hasConsent(ctx)',
    replace: 'const isKept = hasConsent(ctx)',
  },
  {
    name: 'a cookie is written without consent',
    file: 'server/kernel/names/decide.ts',
    find: "if (hasConsent()) return 'write'",
    replace: "return 'write'",
  },
  {
    name: 'a page never asks',
    file: 'client/core/visitor.ts',
    find: '  page.isAsking = true\n',
    replace: '',
  },
  {
    name: 'a page shows the values of a connection without a cookie',
    file: 'client/core/answers.ts',
    find: "const isBare = isBlocked(page) || page.reach === 'greeted' || (who ?? page.who) === undefined",
    replace: 'const isBare = true',
  },
  {
    name: 'a page does not say whose it is',
    file: 'client/core/sending.ts',
    find: 'return { who: page.who, tickets',
    replace: 'return { who: undefined, tickets',
  },
  {
    name: 'a page does not tell the app of another visitor',
    file: 'client/core/visitor.ts',
    find: "if (!isCarried) act(page, 'visitor', kind)",
    replace: '',
  },
  {
    name: 'a page takes up what another visitor’s page has left',
    file: 'client/core/outbox.ts',
    find: 'if (left[0] === page.who) take(left)',
    replace: 'take(left)',
  },
  {
    name: 'a dropped answer takes what was set all the same',
    file: 'server/kernel/requests/endpoint.ts',
    find: '      ctx.body = answerStray(core, ctx, named)\n',
    replace:
      '      const late = new Visit(core, ctx, { user, ends }, { cookie, found })\n      await answer(core, late, named, { ...wanted, tickets: [] })\n      ctx.body = answerStray(core, ctx, named)\n',
  },
  {
    name: 'a page carries its drafts over to another visitor of its kind',
    file: 'client/core/visitor.ts',
    find: "const isCarried = !former || (!page.who && former === 'guest' && kind === 'guest')",
    replace: 'const isCarried = !former || former === kind',
  },
  {
    name: 'a page carries its drafts over by way of a connection that names none',
    file: 'client/core/visitor.ts',
    find: "const isCarried = !former || (!page.who && former === 'guest' && kind === 'guest')",
    replace: "const isCarried = !former || (former === 'guest' && kind === 'guest' && !(who && page.who))",
  },
  {
    name: 'a page hears what the connection of a former visitor still says',
    file: 'client/core/answers.ts',
    find: "  if (!isPost && page.reach === 'down') {\n    release(page, sync, false)\n    backOff(page, 'send', 0)\n    return\n  }\n",
    replace: '',
  },
]
