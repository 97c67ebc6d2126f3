import runTests from '../../test/runner/runner.mjs'

/** Skips all tests after the first failure, which shows that the file notices the defect: each further test may wait for its timeout. */
export default function runUntilFailure(globalConfig, config, environment, ...others) {
  const handle = environment.handleTestEvent
  let hasFailed = false
  environment.handleTestEvent = function (event, state) {
    if (event.name === 'test_done') hasFailed ||= event.test.errors.length > 0
    if (event.name === 'test_start' && hasFailed) event.test.mode = 'skip'
    return handle?.call(this, event, state)
  }
  return runTests(globalConfig, config, environment, ...others).finally(() => {
    environment.handleTestEvent = handle
  })
}
