// Rejects unknown options, and formats errors about options.

import { unknownOption } from '../../shared/did-you-mean.js'

/** @throws {TypeError} for an unknown option */
export function checkNames(options: object | undefined, known: readonly string[], prefix: string): void {
  for (const name of Object.keys(options ?? {}))
    if (!known.includes(name)) throw optionError(prefix + name, unknownOption(name, known))
}

/** Returns the error for an option. @param received shown unless empty */
export function optionError(option: string, expected: string, received = ''): TypeError {
  return new TypeError(`koa-live-session: ${option}: ${expected}${received === '' ? '' : `, received ${received}`}`)
}
