import type { Browser } from '../browser.js'
import { pick } from '../random.js'
import { cookieIn } from '../registers.js'
import { fireTimer } from '../time.js'
import {
  type Act,
  keepValue,
  regenerate,
  revokeOthers,
  signingIn,
  signingInUnsaid,
  signingOut,
  takingOver,
  write,
} from './requests.js'
import type { SessionKind, SessionStep } from './schedule.js'
import type { SessionStage } from './stage.js'

type Perform = (stage: SessionStage, browser: Browser, step: SessionStep) => Promise<unknown>

const USERS = ['ann', 'ann', 'bob'] as const
/** A request is held before one of its first acts, after its last one, or not at all. */
const HOLDS = 6

const userOf = (stage: SessionStage, { which }: SessionStep): string => stage.userId(pick(USERS, which))

function acts(stage: SessionStage, step: SessionStep, way: number): readonly Act[] {
  const ways = [
    signingIn(userOf(stage, step), way),
    [regenerate],
    signingOut(way),
    [write],
    [write, regenerate],
    [...signingOut(way), ...signingIn(userOf(stage, step), way)],
  ]
  return ways[step.which % ways.length] ?? []
}

/** @param isErased whether the user's values are deleted, too */
async function revoke(stage: SessionStage, user: string, isErased: boolean): Promise<void> {
  const { checker, node } = stage
  const since = checker.arrives(node, '', true)
  const revocation = checker.begins({ node, user })
  const { live } = node.process
  void (isErased ? live.erase(user) : live.revoke(user)).then(() => {
    // A killed process answers no call.
    if (!node.isOver) checker.revoked(revocation, since)
  })
  await stage.settle()
}

const held =
  (find: (stage: SessionStage, step: SessionStep) => readonly Act[]): Perform =>
  (stage, browser, step) =>
    stage.request(browser, find(stage, step), step.what % HOLDS)

export const PERFORM: Readonly<Record<SessionKind, Perform>> = {
  read: held(() => []),
  write: held(() => [write]),
  signIn: held((stage, step) => signingIn(userOf(stage, step), step.what >>> 8)),
  signInUnsaid: async (stage, browser, step) => {
    if (!stage.hasOneClock) return
    const then = step.what % 2 === 0 ? [regenerate] : []
    const exchange = await stage.request(browser, [signingInUnsaid(userOf(stage, step)), ...then], step.what % HOLDS)
    if (step.what % 4 === 0) return
    // No process has recorded the sign-in when another one revokes the user.
    await stage.advance(exchange)
    stage.aim(step.which >>> 8)
    await revoke(stage, userOf(stage, step), false)
    if (step.which % 4 < 2) await stage.refresh()
    else await stage.restart(stage.node)
  },
  regenerate: held(() => [regenerate]),
  signOut: held((_, { what }) => signingOut(what >>> 8)),
  revokeOthers: held(() => revokeOthers),
  // A copied cookie, or one from before the last answers.
  replay: (stage, browser, step) => {
    const id = pick(stage.checker.ids, step.which >>> 8)
    const cookies = id === undefined ? browser.cookies : `app=${id}`
    return stage.request(browser, acts(stage, step, step.what >>> 8), step.what % HOLDS, cookies)
  },
  steal: async (stage, browser, { which }) => {
    const id = cookieIn(pick(stage.browsers, which)?.cookies ?? '', 'app')
    if (id !== undefined) browser.receive({ cookies: [['app', id]] })
  },
  handOff: async (stage, browser, step) => {
    if (!stage.hasOneClock) return
    // A guest's first value brings the live cookie, with which the socket connects.
    await stage.request(browser, [keepValue])
    await stage.flow(browser)
    await stage.connect(browser)
    const token = await stage.token(browser, userOf(stage, step))
    if (step.which % 2 === 0) await revoke(stage, userOf(stage, step), step.which % 4 === 0)
    stage.aim(step.what >>> 12)
    if (token) await stage.request(browser, takingOver(token, step.what >>> 8), step.what % HOLDS)
  },

  flow: (stage, browser) => stage.flow(browser),
  finish: (stage, browser, { which }) => advance(stage, browser, which, 'running'),
  arrive: (stage, browser, { which }) => advance(stage, browser, which, 'answered'),
  lose: async (_, { exchanges }, { which }) => {
    const open = exchanges.filter(({ state }) => state === 'answered')
    await pick(open, which)?.lose()
  },
  connect: (stage, browser) => stage.connect(browser),
  disconnect: (stage, _, { which }) => stage.disconnect(which),

  revoke: (stage, _, step) => revoke(stage, userOf(stage, step), false),
  eraseUser: (stage, _, step) => revoke(stage, userOf(stage, step), true),
  destroy: async (stage, _, { which }) => {
    const id = pick(stage.checker.ids, which)
    if (id !== undefined) await stage.destroy(id)
  },
  revokeMeanwhile: async (stage, browser, step) => {
    const exchange = await stage.request(browser, acts(stage, step, step.what >>> 8), step.what % HOLDS)
    await revoke(stage, userOf(stage, step), false)
    await stage.advance(exchange)
  },
  // Two requests of a browser at once, such as a double click.
  twoAtOnce: async (stage, browser, step) => {
    const { which, what } = step
    const first = await stage.request(browser, acts(stage, step, what >>> 8), what % HOLDS)
    stage.aim(which >>> 8)
    const second = await stage.request(
      browser,
      acts(stage, { ...step, which: which >>> 12 }, what >>> 16),
      what % 2 ? 0 : -1,
    )
    if (which % 2 === 0) await stage.advance(second)
    await stage.advance(first)
  },
  evict: (stage) => stage.evict(stage.node),
  restart: (stage) => stage.restart(stage.node),
  timer: async (stage) => {
    fireTimer()
    await stage.settle()
  },
  refresh: (stage) => stage.refresh(),

  storeFails: (stage) => stage.weather('foul'),
  storeSlows: (stage) => stage.weather('slow'),
  storeIsBack: (stage) => stage.weather('fair'),
  storeAnswers: async (stage, _, { what }) => {
    await stage.deployment.store?.answer(what)
    await stage.settle()
  },
  holdNews: async (stage) => {
    const { bus } = stage.deployment
    if (bus) bus.isHeld = !bus.isHeld
    await stage.settle()
  },
  hear: async (stage, _, { what }) => {
    const mail = stage.deployment.bus?.take(what)
    if (mail) stage.deployment.deliver(mail)
    await stage.settle()
  },
}

async function advance(stage: SessionStage, { exchanges }: Browser, which: number, state: string): Promise<void> {
  const exchange = pick(
    exchanges.filter((one) => one.state === state),
    which,
  )
  if (exchange) await stage.advance(exchange)
}
