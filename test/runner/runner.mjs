import { AsyncLocalStorage } from 'node:async_hooks'
import runner from 'jest-circus/runner'

/** The storages that have been used in this process. */
const used = new Set()
const { run } = AsyncLocalStorage.prototype
AsyncLocalStorage.prototype.run = function (...given) {
  used.add(this)
  return run.apply(this, given)
}

/**
 * Runs the tests of a file as Jest does, then disables the storage of the running test: Jest creates such a storage for each file, and in
 * Node 20 each promise of all later files would read every storage, and retain its content.
 */
export default async function runTests(...given) {
  try {
    return await runner.default(...given)
  } finally {
    for (const storage of used) storage.disable()
    used.clear()
  }
}
