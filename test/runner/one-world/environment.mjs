import { TestEnvironment } from 'jest-environment-node'

class SharedEnvironment extends TestEnvironment {
  isShared = true
  /** The objects that test files may change, each with its properties as they were. */
  #original = [this.global, this.global.process.env].map((object) => [object, Object.getOwnPropertyDescriptors(object)])

  /** Jest keeps the tests of a file in the global object, so each file must start without tests. */
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
    // The first two handlers are Jest's own; Jest adds the others for each file.
    this.global[Symbol.for('EVENT_HANDLERS')]?.splice(2)
    for (const [object, properties] of this.#original) restore(object, properties)
    this.fakeTimers.useRealTimers()
    this.fakeTimersModern.useRealTimers()
  }
}

/** Deletes added properties and restores changed values. Keeps accessors, which may become values at their first use. */
function restore(object, properties) {
  for (const name of Object.keys(object)) if (!(name in properties)) delete object[name]
  for (const [name, { value, writable }] of Object.entries(properties))
    if (writable && object[name] !== value) object[name] = value
}

let shared

/** Shares a global object among the test files of a worker, so that a loaded module stays loaded for the next file. */
export default function OneWorldEnvironment(config, context) {
  shared ??= new SharedEnvironment(config, context)
  return shared
}
