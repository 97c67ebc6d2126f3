import type { Browser, Exchange } from './browser.js'
import { freshValue, type Perform, tabOf, userOf, writing } from './choices.js'
import { FORGED } from './ledger.js'
import { pick } from './random.js'
import { cookieIn, readClaims } from './registers.js'
import type { Action } from './routes.js'
import { restart } from './server-steps.js'
import type { Stage } from './stage.js'

async function post(
  stage: Stage,
  browser: Browser,
  tickets: readonly (string | undefined)[],
): Promise<Exchange | undefined> {
  const known = tickets.filter((ticket) => ticket !== undefined)
  if (known.length === 0) return undefined
  const body = JSON.stringify({ tickets: known })
  const exchange = browser.send({ method: 'POST', url: '/store_session', body })
  await stage.leave(exchange)
  return exchange
}

/** Steps of attackers. */
export const MISCHIEF = {
  bringLate: async (stage, browser, step) => {
    const tab = tabOf(browser, step)
    if (!tab?.socket.wire) return
    await stage.change(tab, 'cart', freshValue(stage, 'cart', browser.index))
    while ((await stage.toServer(tab)) || (await stage.toTab(tab)));
    const ticket = browser.tickets.at(-1)
    if (step.what % 2 === 0) await restart(stage)
    const signIn: Action = { does: 'signIn', user: userOf(stage, step) }
    const signedIn = await stage.request(browser, [signIn, { does: 'identify' }])
    if (signedIn.state === 'answered') await stage.arrive(signedIn)
    if (step.what % 3 === 0) await restart(stage)
    const posted = await post(stage, browser, [ticket])
    if (posted?.state === 'answered') await stage.arrive(posted)
  },
  replay: (stage, browser, { which, what }) =>
    post(stage, browser, [pick(browser.tickets, which), ...(what % 2 === 0 ? [pick(browser.tickets, what)] : [])]),
  steal: async (stage, browser, { which, what }) => {
    const victim = pick(
      stage.world.browsers.filter((other) => other !== browser),
      what,
    )
    await post(stage, browser, [pick(victim?.tickets ?? [], which)])
  },
  submit: async (stage, browser, step) => {
    const orders: readonly (readonly Action[])[] = [
      [{ does: 'page' }],
      [writing(stage, browser, step), { does: 'page' }],
      [{ does: 'signIn', user: userOf(stage, step) }, { does: 'identify' }, writing(stage, browser, step)],
      [{ does: 'use' }, { does: 'signOut' }, { does: 'leave', isForgotten: step.what % 2 === 0 }, { does: 'page' }],
    ]
    await stage.submit(browser, pick(orders, step.which) ?? [])
  },
  forgeTicket: async (stage, browser, { which, what }) => {
    const ticket = pick(browser.tickets, which)
    if (ticket !== undefined) await post(stage, browser, [forgeTicket(ticket, what)])
  },
  forgeCookie: async (stage, browser, { what }) => {
    const cookies = forgeCookie(browser.cookies, what)
    if (cookies !== undefined) await stage.forge(browser, cookies)
  },
  plantWho: async (stage, browser, { which, what }) => {
    const { browsers } = stage.world
    const known = browsers.flatMap(({ surroundings, tabs }) => [
      surroundings.storedWho,
      ...tabs.map(({ page }) => page.who),
    ])
    for (let times = what % 8; times >= 0; times -= 1) {
      browser.storeWho(pick([undefined, `planted ${times}`, ...known], (which >>> times) + times))
      if (what % 3 > 0) for (const tab of browser.tabs) await stage.tellStorage(tab)
      if (what % 3 > 1) await stage.flow(browser)
    }
  },
} satisfies Readonly<Record<string, Perform>>

function forgeTicket(ticket: string, how: number): string {
  const [header = '', , signature = ''] = ticket.split('.')
  const claims = readClaims(ticket)
  const text = encode({ ...claims, changes: [['division', claims.iat * 1000 + 1, FORGED]] }, 'base64url')
  if (how % 2 === 0) return `${header}.${text}.${signature}`
  return `${encode({ alg: 'none', typ: 'live-session+jwt' }, 'base64url')}.${text}.${signature}`
}

/** Returns a Cookie header with a forged live cookie, if there is a live cookie. */
function forgeCookie(cookies: string, how: number): string | undefined {
  const text = cookieIn(cookies, 'live')
  if (text === undefined) return undefined
  const payload = JSON.parse(Buffer.from(text, 'base64').toString())
  const forged = encode({ ...payload, r: [['division', payload.exp, FORGED]] }, 'base64')
  if (how % 2 === 0) return cookies.replace(text, () => forged)

  return `live=${forged}; live.sig=forged`
}

function encode(part: object, encoding: 'base64' | 'base64url'): string {
  return Buffer.from(JSON.stringify(part)).toString(encoding)
}
