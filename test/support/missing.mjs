/**
 * Something is not there that tests need. They are skipped, or fail where LIVE_SESSION_TEST_ALL=1 says that nothing may be
 * missing: see `describeWith`, which is told by a variable.
 */
export function report(name, command, variable, reasons) {
  const why = reasons.length === 0 ? 'none was found' : `none could be started\n${reasons.join('\n')}`
  const advice = `Install it (Debian: ${command}), or set ${variable}.`
  process.env[`MISSING_${name.toUpperCase()}`] = `${name}: ${why}\n${advice}`
  const what = process.env.LIVE_SESSION_TEST_ALL === '1' ? 'FAIL' : 'ARE SKIPPED'
  const line = '!'.repeat(80)
  console.warn(`\n${line}\nTHE TESTS IN ${name.toUpperCase()} ${what}: ${why}\n${advice}\n${line}\n`)
}
