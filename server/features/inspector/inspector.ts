// Serves the inspector's page, and decides which subjects and refusals the page shows.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type Koa from 'koa'
import { LiveSessionError } from '../../../shared/errors.js'
import type { MemoryEntry } from '../../memory/memory.js'
import { RotatingCache } from '../../memory/rotating-cache.js'
import type { FeatureParts } from '../../parts.js'
import { REFUSAL_CHANNEL, type RefusalMessage } from '../../settings/report.js'
import { isUser, type Sub, type Subject, subjectHash, userIdOf } from '../../subjects/subject.js'
import { act } from './actions.js'
import type { Admission } from './admission.js'
import { pageMarkup, subjectName, viewMarkup } from './document.js'
import type { Html } from './html.js'
import { SCRIPT } from './script.js'
import { type NodeSnapshot, type SeenRefusal, snapshotOf } from './snapshot.js'
import { STYLE } from './style.js'
import type { InspectorRoute } from './types.js'

/** Maximum refusals on the page. */
const MOST_REFUSALS = 50
const MOST_SUBJECTS = 50
/** Maximum subjects remembered for the buttons of open pages. */
const MOST_SHOWN = 10_000

const ALLOWED = 'GET, HEAD, POST'

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

/** Overrides the headers that the app sets for its own pages. */
const HEADERS = {
  'Content-Security-Policy': POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'same-origin',
  'Cache-Control': 'no-store',
}

/** Creates the route. All parts of the page have the URL where the app mounts the route, and differ in `?part=`. */
export function createInspector(
  parts: FeatureParts,
  refusals: RecentRefusals,
  { refusalReason, token }: Admission,
): InspectorRoute {
  const inspector = new Inspector(parts, refusals)
  const inspect: Koa.Middleware = async (ctx) => {
    ctx.set(HEADERS)
    const reason = await refusalReason(ctx)
    if (reason !== undefined) {
      parts.settings.warn(`inspector: 403: ${reason}`, 'inspector')
      answer(ctx, 403, 'You may not look here. The log of the server says why.')
    } else if (ctx.query['token'] !== undefined) goTo(ctx, '?')
    else if (ctx.method === 'POST') await inspector.act(ctx)
    else if (ctx.method === 'GET' || ctx.method === 'HEAD') inspector.show(ctx)
    else {
      ctx.set('Allow', ALLOWED)
      answer(ctx, 405, `Expected ${ALLOWED}.`)
    }
  }
  return Object.assign(inspect, { token })
}

/** Records an app's newest refusals, from the first `live.inspector()` on. */
export class RecentRefusals {
  readonly #app: Koa
  readonly #clock: () => number
  #seen: readonly SeenRefusal[] = []

  constructor(app: Koa, clock: () => number) {
    this.#app = app
    this.#clock = clock
    subscribe(REFUSAL_CHANNEL, this.#onRefusal)
  }

  /** Newest first. */
  get all(): readonly SeenRefusal[] {
    return this.#seen
  }

  close(): void {
    unsubscribe(REFUSAL_CHANNEL, this.#onRefusal)
  }

  readonly #onRefusal = (message: unknown): void => {
    const { app, ...refused } = message as RefusalMessage
    // The channel is global: ignore other apps of this process.
    if (app === this.#app) this.#seen = [{ ...refused, at: this.#clock() }, ...this.#seen].slice(0, MOST_REFUSALS)
  }
}

class Inspector {
  readonly #parts: FeatureParts
  readonly #refusals: RecentRefusals
  /** The subjects that pages have shown, by hash. Pages get only hashes, because a guest's subject is a secret. */
  readonly #shown: RotatingCache<Subject>

  constructor(parts: FeatureParts, refusals: RecentRefusals) {
    this.#parts = parts
    this.#refusals = refusals
    this.#shown = RotatingCache.onMap({ max: MOST_SHOWN, clock: parts.settings.clock })
  }

  show(ctx: Koa.Context): void {
    const part = ctx.query['part']
    if (part === 'script') send(ctx, 'text/javascript', SCRIPT)
    else if (part === 'style') send(ctx, 'text/css', STYLE)
    else {
      const { find } = ctx.query
      const wanted = typeof find === 'string' ? find : ''
      send(ctx, 'text/html', (part === 'view' ? viewMarkup : pageMarkup)(this.#look(wanted), wanted))
    }
  }

  async act(ctx: Koa.Context): Promise<void> {
    const { action, subject: id } = ctx.query
    const subject = typeof id === 'string' ? this.#shown.get(id) : undefined
    try {
      const effect = await act(this.#parts, action, subject && { subject, name: displayName(subject) })
      // Without a script, the browser would show the response itself, so redirects the browser to the page.
      if (ctx.accepts('text/plain', 'text/html') === 'text/plain') return answer(ctx, 200, effect)
      goTo(ctx, '?')
    } catch (error) {
      if (!(error instanceof LiveSessionError)) throw error
      answer(ctx, error.status, error.message)
    }
  }

  #look(find: string): NodeSnapshot {
    const found = some(this.#parts.memory.entries(), MOST_SUBJECTS + 1, ({ subject }) => isLike(subject, find))
    const entries = found.slice(0, MOST_SUBJECTS)
    for (const { subject } of entries) this.#shown.set(subjectHash(subject), subject)
    return snapshotOf(this.#parts, { entries, hasMore: found.length > MOST_SUBJECTS, refusals: this.#refusals.all })
  }
}

function isLike(subject: Subject, find: string): boolean {
  return find === '' || (isUser(subject) && userIdOf(subject).toLowerCase().includes(find.toLowerCase()))
}

/** Returns the first `most` matches, without looking further. */
function some(all: Iterable<MemoryEntry>, most: number, is: (entry: MemoryEntry) => boolean): readonly MemoryEntry[] {
  const found: MemoryEntry[] = []
  for (const entry of all) {
    if (is(entry)) found.push(entry)
    if (found.length === most) break
  }
  return found
}

function displayName(subject: Subject): string {
  const id: Sub = subjectHash(subject)
  return subjectName({ id, userId: isUser(subject) ? userIdOf(subject) : undefined })
}

function send(ctx: Koa.Context, type: string, text: string | Html): void {
  ctx.status = 200
  ctx.type = `${type}; charset=utf-8`
  ctx.body = String(text)
}

/** Redirects, so that the URL shows no token or action. */
function goTo(ctx: Koa.Context, address: string): void {
  ctx.status = 303
  ctx.redirect(address)
}

function answer(ctx: Koa.Context, status: number, text: string): void {
  ctx.status = status
  ctx.type = 'text/plain; charset=utf-8'
  ctx.body = text
}
