import type { AnyChange, ChangeSource } from '../shared/change.js'
import { LiveSessionError } from '../shared/errors.js'
import { type JsonValue, sameJson } from '../shared/json.js'
import { drafts } from './core/changes.js'
import type { Effects, Event, Events } from './core/messages.js'
import { remainsOf } from './core/remains.js'
import type { State } from './core/state.js'
import { step } from './core/step.js'
import { ownerOf, type StatusDetail, shown, statusOf } from './core/view.js'
import type { Storage } from './effects/storage.js'
import { createListeners, guarded, type Listeners } from './listeners.js'

type Doing = { readonly [K in keyof Effects]: (...args: Effects[K]) => void }

/** Where a page is: does what the core says, but for what callers and listeners are told, and says what happens. */
export interface Surroundings extends Omit<Doing, 'settle' | 'visitor'>, Pick<Storage, 'keep'> {
  /** From now on it says what happens. */
  open(): void
  close(): void
}

/** What makes them, given where to say it, and the page as it is. */
export type Surround = (dispatch: Runner['dispatch'], state: Runner['state']) => Surroundings

type Visitor = { readonly kind: 'guest' | 'user' }

/** Has the core hear of what happens, and does what it says. */
export interface Runner {
  state(): State
  dispatch(event: Event): void
  /** Resolves when the cookie was seen with the value, or a later one of this page. */
  set(...change: [key: string, value: Events['set'][1]]): Promise<void>
  /** The same, with what is computed from the value that is there, and anew where that is another one by then. */
  update(...change: [key: string, next: Events['update'][1]]): Promise<void>
  readonly onChange: Listeners<[change: AnyChange]>['add']
  readonly onStatus: Listeners<[key: string, detail: StatusDetail]>['add']
  readonly onVisitor: Listeners<[visitor: Visitor]>['add']
  close(): void
}

/** Where changes come from, as listeners are told. */
const SOURCES: { readonly [K in Event[0]]?: ChangeSource } = { set: 'request', update: 'request', answer: 'socket' }

/** How often listeners are told in one go: the page is to stay usable. */
const MAX_AT_ONCE = 100

/** Which refusals no visitor can cause. */
const MISTAKES: readonly string[] = ['undeclared_key', 'not_writable']

interface Caller {
  resolve(): void
  reject(error: unknown): void
}

/** @param onReady the first values are known, and told */
export function createRunner(beginning: State, surround: Surround, onReady: () => void): Runner {
  let state = beginning
  let source: ChangeSource | undefined
  let isOver = false
  let isStepping = false
  let isTelling = false
  let isNews = false
  /** What an effect brings about at once is told with it. */
  let acting = 0
  // The server tells what pages compute by these, also that of other tabs.
  let calls = Math.floor(Math.random() * 2 ** 52)
  const callers = new Map<number, Caller>()
  /** By key, what listeners were told last. */
  const heard = new Map<string, readonly [value: JsonValue | undefined, detail: StatusDetail]>()
  const changes = createListeners<[change: AnyChange]>()
  const statuses = createListeners<[key: string, detail: StatusDetail]>()
  const visitors = createListeners<[visitor: Visitor]>()

  const stepped = (event: Event): ReturnType<typeof step> => {
    isStepping = true
    try {
      return step(state, event)
    } finally {
      isStepping = false
    }
  }

  const dispatch = (event: Event): void => {
    if (isOver) return
    // What this would change, the step under way would undo.
    if (isStepping) throw new TypeError('koa-live-session: update: what computes a value must change nothing')
    const former = state.page.identity?.sub
    const [next, effects] = stepped(event)
    state = next
    const isAnother = former && former !== state.page.identity?.sub
    source = isAnother ? 'login' : (source ?? SOURCES[event[0]] ?? 'ticket')
    const { identity } = state.page
    // First: what this page has dropped is not to be taken out again.
    surroundings.keep(identity ? ownerOf(identity) : '', remainsOf(state))
    // What was set is on its way before listeners are told: what they send comes after it.
    acting += 1
    // The app may well listen to what goes out over its socket.
    for (const [what, ...args] of effects) guarded(DO[what] as (...args: unknown[]) => void)(...args)
    acting -= 1
    // Also where a connection is about to say whose it is.
    if (acting === 0 && (!state.timers.has('greet') || drafts(state).length === 0)) tell()
  }

  const tellOnce = (): void => {
    // What a listener sets meanwhile is told after this, as what that is.
    const told = state
    const from = source ?? 'ticket'
    source = undefined
    for (const key of told.fields.keys()) {
      const [previous, was] = heard.get(key) ?? [shown(beginning, key), statusOf(beginning, key)]
      const [value, detail] = [shown(told, key), statusOf(told, key)]
      heard.set(key, [value, detail])
      if (!sameJson(value, previous)) changes.tell({ key, value, previous, source: from })
      if (detail !== was) statuses.tell(key, detail)
    }
    if (state.isReady) onReady()
  }

  /** What a listener sets is told once all have heard of what it answers. */
  const tell = (): void => {
    isNews = true
    if (isTelling) return
    isTelling = true
    for (let i = 0; isNews && i < MAX_AT_ONCE; i += 1) {
      isNews = false
      tellOnce()
    }
    isTelling = false
    if (!isNews) return
    console.error('koa-live-session: listeners answer each change with another one')
    setTimeout(tell)
  }

  const settle = (...[ids, key, refusal]: Effects['settle']): void => {
    for (const id of ids) {
      const caller = callers.get(id)
      callers.delete(id)
      if (!refusal) caller?.resolve()
      else {
        const { code, message = `${key}: ${code}`, error } = refusal
        const failure = error ?? new LiveSessionError(code, message, { key })
        // A mistake of the program, which may well wait for nothing.
        if (error || MISTAKES.includes(code)) console.error(failure)
        caller?.reject(failure)
      }
    }
  }

  const now = (): State => state
  const surroundings = surround(dispatch, now)
  const DO: Doing = { ...surroundings, visitor: (kind) => visitors.tell({ kind }), settle }
  surroundings.open()

  const called = (eventOf: (id: number) => Event): Promise<void> => {
    calls += 1
    const id = calls
    const saved = new Promise<void>((resolve, reject) => callers.set(id, { resolve, reject }))
    dispatch(eventOf(id))
    return saved
  }

  return {
    state: now,
    dispatch,
    set: (key, value) => called((id) => ['set', key, value, id]),
    update: (key, next) => called((id) => ['update', key, next, id]),
    onChange: changes.add,
    onStatus: statuses.add,
    onVisitor: visitors.add,
    close: () => {
      // What is unsaved is kept for the next page.
      state = { ...state, isUnreachable: true }
      tell()
      isOver = true
      surroundings.close()
    },
  }
}
