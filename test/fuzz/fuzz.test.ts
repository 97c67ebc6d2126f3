/**
 * Loads all modules again, because V8 counts steps only in code compiled after the count begins.
 *
 * @jest-environment node
 */
import { runInThisContext } from 'node:vm'
import { describe, expect, it } from '@jest/globals'
import { atScale } from '../support/app/scale.js'
import { Fuzzer } from './fuzzer.js'
import { World } from './world.js'

const INPUTS = Number(process.env['FUZZ_INPUTS'] ?? atScale(2000, 10_000))
const SEED = Number(process.env['FUZZ_SEED'] ?? 1)

/** All possible outcomes: a run must produce each. */
const OUTCOMES = [
  ...['ok 200', 'malformed 400', 'malformed 405', 'malformed 415', 'too_large 413', 'otherVisitor 200'],
  ...['bad_ticket 403', 'other_visitor 403', 'bad_origin 403'],
  ...['ok', 'otherVisitor', 'malformed', 'bad_ticket', 'other_visitor'],
  ...['ok', 'invalid_value', 'undeclared_key', 'not_writable', 'too_large', 'superseded', 'conflict'].map(
    (code) => `result ${code}`,
  ),
  ...['handshake', 'handshake bad_origin', 'handshake other_visitor'],
]

/** The real `process`, because Jest's copy emits no crashes. */
const node: NodeJS.Process = runInThisContext('process')

describe('a server with random input', () => {
  it(
    'refuses as documented, accepts no forgery, and stays responsive',
    async () => {
      const fuzzer = new Fuzzer(await World.start(), SEED)
      const { tally } = fuzzer
      const crash = (error: unknown): void => tally.harm('crash', String(error))
      node.on('uncaughtException', crash).on('unhandledRejection', crash)
      try {
        await fuzzer.run(INPUTS)
      } finally {
        node.off('uncaughtException', crash).off('unhandledRejection', crash)
      }
      process.stdout.write(String(tally))
      expect(tally.findings).toEqual([])
      if (INPUTS >= 20_000) expect(OUTCOMES.filter((outcome) => !tally.outcomes.has(outcome))).toEqual([])
    },
    // ms: enough for any machine.
    300_000 + INPUTS * 20,
  )
})
