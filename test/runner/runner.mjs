import { AsyncLocalStorage } from 'node:async_hooks'
import runner from 'jest-circus/runner'

/** Each AsyncLocalStorage that this process has used. */
const used = new Set()
const { run } = AsyncLocalStorage.prototype
AsyncLocalStorage.prototype.run = function (...given) {
  used.add(this)
  return run.apply(this, given)
}

/**
 * Runs the tests of a file as Jest does, then disables the AsyncLocalStorage that holds the running test. Jest creates a storage for each
 * file, and in Node 20 each promise of later files would look into all of these storages, and retain their values.
 */
export default async function runTests(...given) {
  try {
    return await runner.default(...given)
  } finally {
    for (const storage of used) storage.disable()
    used.clear()
  }
}
