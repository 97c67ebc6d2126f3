import { readFileSync, rmSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { appFolder, tsc } from '../support/docs/tsc.js'

/** A writer or a reader of the wire: its file, its code, and the code with a misspelt member. */
type Slip = readonly [file: string, code: string, slip: string]

const WRITERS: readonly Slip[] = [
  ['server/exchange/answer.ts', 'hasCookie: (hasIdentity', 'kept: (hasIdentity'],
  ['server/exchange/decide.ts', 'current: { stamp, value }', 'current: { stamp, valu: value }'],
  ['server/exchange/refusal.ts', 'ok: false, code, key, index', 'ok: false, code, key, at: index'],
  ['server/exchange/refusal.ts', 'stamp: current?.stamp', 'stmp: current?.stamp'],
  ['server/exchange/refusal.ts', 'error: { code, message, key, index', 'error: { code, message, key, at: index'],
  ['server/features/address/index.ts', 'snapshot.unapplied =', 'snapshot.unaplied ='],
  ['server/features/address/index.ts', 'snapshot.texts =', 'snapshot.text ='],
  ['server/features/flash/index.ts', 'messages: messages.map', 'message: messages.map'],
  ['server/http/endpoint.ts', 'otherVisitor: true', 'dropped: true'],
  ['server/http/snapshots.ts', 'snapshot.unsaved =', 'snapshot.unsavd ='],
  ['server/values/page-tickets.ts', 'expiries: expiriesOf', 'ends: expiriesOf'],
  ['testing/page-server.ts', 'hasCookie, ticket, results', 'kept: hasCookie, ticket, results'],
  ['client/core/answers.ts', 'now: page.now, tickets: shared', 'now: page.now, tickts: shared'],
  ['client/core/sending.ts', 'tickets: some[0] ?', 'tickts: some[0] ?'],
  ['client/hook.ts', 'who: tickets && who, tickets', 'who: tickets && who, tickts: tickets'],
  ['test/client/core-storms.test.ts', 'hasCookie: (hasCookie', 'kept: (hasCookie'],
]

const READERS: readonly Slip[] = [
  ['shared/parse.ts', 'tickets = [], set', 'tickts: tickets = [], set'],
  ['server/values/ticket.ts', 'changes, ids }', 'change: changes, ids }'],
  ['client/browser/post.ts', 'json?.persisted', 'json?.held'],
  ['client/browser/post.ts', 'json?.error?.code', 'json?.err?.code'],
  ['client/core/answers.ts', '{ who, hasCookie }', '{ who, kept: hasCookie }'],
  ['client/core/html.ts', "'stamps' satisfies", "'stmps' satisfies"],
  ['client/core/tickets.ts', 'claims.expiries', 'claims.ends'],
  ['client/hook.ts', 'persisted = answer.persisted', 'persisted = answer.held'],
  ['client/hook.ts', 'answer.hasCookie', 'answer.kept'],
  ['client/hook.ts', '      .changes)', '      .change)'],
  ['test/fuzz/judge.ts', "answer.otherVisitor ? 'otherVisitor 200'", "answer.dropped ? 'otherVisitor 200'"],
  ['test/browser/site/whose.ts', 'if (answer?.hasCookie)', 'if (answer?.kept)'],
  ['example/page/flow.ts', "'ticket' satisfies", "'tickt' satisfies"],
  ['example/page/flow.ts', 'message.set ??', 'message.sets ??'],
]

let folder: string
/** The lines with an error, as `file:line`. */
const wrong = new Set<string>()

const isThere = ([file, code]: Slip): boolean => readFileSync(file, 'utf8').split(code).length === 2

function planted(file: string, slips: readonly Slip[]): string {
  const own = slips.filter((slip) => slip[0] === file && isThere(slip))
  return own.reduce((text, [, code, slip]) => text.replace(code, slip), readFileSync(file, 'utf8'))
}

function expectError(slip: Slip): void {
  const [file, code, misspelt] = slip
  if (!isThere(slip)) throw new Error(`${file}: expected once: ${code}`)
  const [before = ''] = readFileSync(`${folder}/${file}`, 'utf8').split(misspelt)
  expect(wrong).toContain(`${file}:${before.split('\n').length}`)
}

beforeAll(() => {
  const slips = [...WRITERS, ...READERS]
  const files = Object.fromEntries(slips.map(([file]) => [file, planted(file, slips)]))
  // All other files come from the repository.
  const compilerOptions = { rootDirs: ['.', '../..'], noUnusedLocals: false }
  const settings = { extends: '../../tsconfig.json', compilerOptions, include: ['.'] }
  folder = appFolder({ ...files, 'tsconfig.json': JSON.stringify(settings) })
  for (const problem of tsc('-p', folder)) {
    const [, path, line] = /^(\S+)\((\d+),\d+\): error/.exec(problem) ?? []
    if (path) wrong.add(`${relative(folder, resolve(path))}:${line}`)
  }
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the compiler finds a misspelt member', () => {
  it.each(WRITERS)('written in %s: %s', (...slip) => expectError(slip))
  it.each(READERS)('read in %s: %s', (...slip) => expectError(slip))
})
