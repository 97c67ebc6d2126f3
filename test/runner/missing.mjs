import { isAll } from './scope.mjs'

/**
 * Reports that a tool is missing. Tests that need the tool are skipped, or fail in `npm run test:all`; `describeWith` reads the
 * variable set here.
 */
export function report(name, command, variable, reasons) {
  const why = reasons.length === 0 ? 'not found' : `could not be started\n${reasons.join('\n')}`
  const advice = `install it (Debian: ${command}), or set ${variable}`
  process.env[`MISSING_${name.toUpperCase()}`] = `${name}: ${why}; ${advice}`
  if (isAll || reasons.length > 0) console.warn(`${name}: ${why}; ${advice}`)
}
