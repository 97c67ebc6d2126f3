import { TestEnvironment } from 'jest-environment-node'

class SharedEnvironment extends TestEnvironment {
  isShared = true
  #env = { ...this.global.process.env }

  /** Jest keeps the tests of a file in the global object: each file starts with none. */
  handleTestEvent(event, state) {
    if (event.name !== 'setup') return
    const root = { type: 'describeBlock', name: 'ROOT_DESCRIBE_BLOCK', children: [], hooks: [], tests: [] }
    Object.assign(state, {
      rootDescribeBlock: root,
      currentDescribeBlock: root,
      currentlyRunningTest: null,
      hasFocusedTests: false,
      hasStarted: false,
      unhandledErrors: [],
      unhandledRejectionErrorByPromise: new Map(),
    })
  }

  async teardown() {
    // The first two are Jest's own; it adds the others for each file.
    this.global[Symbol.for('EVENT_HANDLERS')]?.splice(2)
    const { env } = this.global.process
    for (const name of Object.keys(env)) if (!(name in this.#env)) delete env[name]
    Object.assign(env, this.#env)
    this.fakeTimers.useRealTimers()
    this.fakeTimersModern.useRealTimers()
  }
}

let shared

/** Gives all test files of a worker one global object, so that a module that one file has loaded stays loaded for the next. */
export default function OneWorldEnvironment(config, context) {
  shared ??= new SharedEnvironment(config, context)
  return shared
}
