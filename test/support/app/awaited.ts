import { once as nodeOnce } from 'node:events'
// Real time: fake and sped timers do not touch these.
import { clearTimeout, setTimeout } from 'node:timers'

const PATIENCE = 10_000

/** Settles as an event does, or rejects after 10 s with the words what was awaited. */
export function awaited<T>(what: string, event: PromiseLike<T>, wait = setTimeout): Promise<T> {
  // Made here, so that its stack names the test.
  const late = new Error(`awaited 10 s for ${what}`)
  const settled = new Promise<T>((resolve, reject) => {
    const timer = wait(() => reject(late), PATIENCE).unref()
    event.then(resolve, reject).then(() => clearTimeout(timer))
  })
  // A test that has ended awaits nothing more.
  settled.catch(() => undefined)
  return settled
}

/** Resolves with the arguments of an emitter's next event. */
export function once(emitter: object, event: string): ReturnType<typeof nodeOnce> {
  return awaited(`the event ${event}`, nodeOnce(emitter as never, event))
}
