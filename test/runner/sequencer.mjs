import Sequencer from '@jest/test-sequencer'

/** Projects with long tests that mostly wait, and would leave a core idle at the end. */
const FIRST = ['browser', 'small-socket', 'simulation']

/** Runs test files in Jest's order, but those of some projects first. */
export default class LongestFirst extends Sequencer {
  async sort(tests) {
    const sorted = await super.sort(tests)
    const isFirst = ({ context }) => FIRST.includes(context.config.displayName?.name)
    return [...sorted.filter(isFirst), ...sorted.filter((test) => !isFirst(test))]
  }
}
