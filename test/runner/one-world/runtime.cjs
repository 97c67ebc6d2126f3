const { default: Runtime } = require('jest-runtime')

class SharedRuntime extends Runtime {
  /** Forgets what belongs to one test file: the file itself, and the module that registers its hooks. */
  teardown() {
    this.restoreAllMocks()
    const registry = this.registries.getActiveEsmRegistry()
    for (const key of registry.keys())
      if (key.includes(this._testPath) || key.includes('/one-world/hooks.')) registry.delete(key)
  }
}

/** The runtime of each environment: its registry has the modules that are loaded. */
const runtimes = new WeakMap()

/** Keeps loaded modules for the next test file of the worker. A file with an environment of its own loads all anew. */
module.exports = function OneWorldRuntime(...given) {
  const [, environment, , , , , testPath] = given
  if (!environment.isShared) return new Runtime(...given)
  const runtime = runtimes.get(environment) ?? new SharedRuntime(...given)
  runtimes.set(environment, runtime)
  runtime._testPath = testPath
  return runtime
}
