// Plants each defect in a copy of the project, runs the tests over it, and records the files whose tests fail.
// Begins with a run without defects, which records the test files that reach each defect: other files cannot notice that defect.
// Writes a line for each defect to .cache/mutation/matrix.jsonl, and continues an interrupted run.
import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { plant, probe, readDefects, readProduct, type Source } from '../../test/simulation/planting.js'
import { loadedFiles } from '../loaded-files.mjs'

const ROOT = resolve(import.meta.dirname, '../..')
const CACHE = join(ROOT, '.cache/mutation')
const COPY = join(CACHE, 'project')
const COPIED = [
  'client',
  'server',
  'shared',
  'testing',
  'test',
  'example',
  'scripts',
  'docs',
  'package.json',
  'package-lock.json',
  'jest.config.mjs',
  'tsconfig.json',
]
/** ms: a defect may make tests wait forever. */
const TEST_HANGS = 20_000
const RUN_HANGS = 900_000

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    from: { type: 'string', default: '0' },
    count: { type: 'string', default: '1000' },
    out: { type: 'string', default: join(CACHE, 'matrix.jsonl') },
    // Stops at the first file that notices a defect: minutes instead of hours.
    first: { type: 'boolean', default: false },
    // Runs only the files that noticed a defect the last time, and fails if none does now.
    recorded: { type: 'boolean', default: false },
  },
})

/** Loaded before each test file, in the run without defects. */
const RECORDER = `
import { afterAll, expect } from '@jest/globals'
import { appendFileSync } from 'node:fs'
const reached = new Set<number>()
Object.assign(globalThis, { reach: (index: number) => reached.add(index) })
afterAll(() => appendFileSync(REACHED, JSON.stringify([expect.getState().testPath, ...reached]) + '\\n'))
`

/** Returns the failed tests of each file, by its path. Without `files`, runs all test files. */
function failures(
  files?: readonly string[],
  options: readonly string[] = [],
): Readonly<Record<string, readonly string[]>> {
  if (files?.length === 0) return {}
  const output = join(CACHE, 'failures.jsonl')
  writeFileSync(output, '')
  const jest = [
    'node_modules/jest/bin/jest.js',
    '--reporters=<rootDir>/scripts/mutation/reporter.mjs',
    `--testTimeout=${TEST_HANGS}`,
    '--testRunner=<rootDir>/scripts/mutation/runner.mjs',
    '--testSequencer=<rootDir>/scripts/mutation/sequencer.mjs',
    '--silent',
    '--selectProjects',
    'node',
    'client',
  ]
  const patterns = positionals.length > 0 ? ['--testPathPatterns', positionals.join('|')] : []
  const which = files ? [...(values.first ? ['--bail'] : []), '--runTestsByPath', ...files] : patterns
  const node = [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    '--import',
    './test/runner/exit-at-once.mjs',
  ]
  const env = { ...process.env, MATRIX_FAILURES: output }
  const run = { cwd: COPY, env, stdio: 'ignore', timeout: RUN_HANGS, killSignal: 'SIGKILL' } as const
  const { status } = spawnSync(process.execPath, [...node, ...jest, ...options, ...which], run)
  const lines = readFileSync(output, 'utf8').split('\n').slice(0, -1)
  if (lines.length === 0 && status !== 0) return { '': ['the run hangs'] }
  return Object.fromEntries(lines.map((line) => JSON.parse(line)))
}

/** Runs `work` while files of the copy have other text. */
function withSources<Done>(sources: readonly Source[], work: () => Done): Done {
  const changed = sources.map(({ file, text }) => {
    const copied = join(COPY, relative(ROOT, resolve(ROOT, file)))
    const original = readFileSync(copied, 'utf8')
    writeFileSync(copied, text)
    return { copied, original }
  })
  const done = work()
  for (const { copied, original } of changed) writeFileSync(copied, original)
  return done
}

/** Whether a test file starts processes, whose code records no reached defects. */
function startsProcesses(file: string): boolean {
  return [...loadedFiles(file).values()].some((text) => text.includes('node:child_process'))
}

/** Plants each defect again, and runs the files that have noticed it. The simulation plants its defects itself. */
function checkRecorded(): void {
  const [, ...rows] = readFileSync(values.out, 'utf8').trimEnd().split('\n')
  const recorded = new Map(
    rows
      .map((line): { readonly defect: string; readonly failed: object } => JSON.parse(line))
      // A run that hangs names no file.
      .map(({ defect, failed }) => [defect, Object.keys(failed).filter(Boolean)]),
  )
  const unfit = Object.keys(failures([...new Set([...recorded.values()].flat())]))
  if (unfit.length > 0) throw new Error(`fails without a defect: ${unfit.join(', ')}`)
  const first = Number(values.from)
  for (const defect of defects.slice(first, first + Number(values.count))) {
    const files = recorded.get(defect.name) ?? []
    if (files.length === 0) continue
    const failed = withSources([plant(defect, product)], () => failures(files))
    if (Object.keys(failed).length > 0) continue
    console.error(`missed by ${files.join(', ')}: ${defect.name}`)
    process.exitCode = 1
  }
}

rmSync(COPY, { recursive: true, force: true })
mkdirSync(COPY, { recursive: true })
const isOurs = (path: string): boolean => !path.includes('node_modules')
for (const name of COPIED) cpSync(join(ROOT, name), join(COPY, name), { recursive: true, filter: isOurs })
symlinkSync(join(ROOT, 'node_modules'), join(COPY, 'node_modules'))

const defects = readDefects()
const product = readProduct()

if (values.recorded) {
  checkRecorded()
  process.exit()
}

const { sources, everywhere } = probe(defects, product)
const reachedFile = join(CACHE, 'reached.jsonl')

if (!existsSync(values.out)) {
  rmSync(reachedFile, { force: true })
  writeFileSync(join(COPY, 'test/recorder.ts'), RECORDER.replace('REACHED', JSON.stringify(reachedFile)))
  const failed = withSources(sources, () => failures(undefined, ['--setupFilesAfterEnv=<rootDir>/test/recorder.ts']))
  appendFileSync(values.out, `${JSON.stringify({ defect: 'none', failed })}\n`)
}

const known = readFileSync(values.out, 'utf8')
/** Files that fail without a defect, because they read the code itself, or need all of the project. */
const unfit: readonly string[] = Object.keys(JSON.parse(known.slice(0, known.indexOf('\n'))).failed)
const first = Number(values.from)
const reached = readFileSync(reachedFile, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line): [string, ...number[]] => JSON.parse(line))
  .filter(([file]) => !unfit.includes(relative(COPY, file)))
const always = new Set(reached.map(([file]) => file).filter((file) => startsProcesses(file)))

for (const [index, defect] of defects.entries()) {
  if (index < first || index >= first + Number(values.count)) continue
  if (known.includes(`${JSON.stringify({ defect: defect.name }).slice(0, -1)},`)) continue
  const files = reached
    .filter(([file, ...indexes]) => always.has(file) || everywhere.includes(index) || indexes.includes(index))
    .map(([file]) => file)
  const began = Date.now()
  const failed = withSources([plant(defect, product)], () => failures(files))
  const seconds = Math.round((Date.now() - began) / 1000)
  appendFileSync(values.out, `${JSON.stringify({ defect: defect.name, failed })}\n`)
  console.log(`${Object.keys(failed).length} of ${files.length} files notice, ${seconds} s: ${defect.name}`)
}
