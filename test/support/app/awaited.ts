import { once as nodeOnce } from 'node:events'
// Real time: fake and sped timers do not touch these.
import { clearTimeout, setTimeout } from 'node:timers'

const PATIENCE = 10_000

const limits = new Set<NodeJS.Timeout>()

/** Settles as an event does, or rejects after 10 s with the words what was awaited. */
export function awaited<T>(what: string, event: PromiseLike<T>, wait = setTimeout): Promise<T> {
  // Made here, so that its stack names the test.
  const late = new Error(`awaited 10 s for ${what}`)
  const settled = new Promise<T>((resolve, reject) => {
    const limit = wait(() => reject(late), PATIENCE).unref()
    limits.add(limit)
    event.then(resolve, reject).then(() => end(limit))
  })
  // A test may leave a promise unawaited.
  settled.catch(() => undefined)
  return settled
}

/** Ends the limits of a test that has ended, and awaits nothing more. */
export function endLimits(): void {
  limits.forEach(end)
}

function end(limit: NodeJS.Timeout): void {
  clearTimeout(limit)
  limits.delete(limit)
}

/** Resolves with the arguments of an emitter's next event. */
export function once(emitter: object, event: string): ReturnType<typeof nodeOnce> {
  return awaited(`the event ${event}`, nodeOnce(emitter as never, event))
}
