// `npm run mutation`: plants each defect in a copy of the project, runs the tests over it, and records the files whose tests fail.
// `npm run mutation -- --from 0 --count 20 threats/late integration/posts`: some defects, and test files whose paths match.
// Writes a line for each defect to .cache/mutation/matrix.jsonl, and goes on where an earlier run has ended.
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
import { plant, readDefects, readProduct } from './planting.js'

interface Result {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

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
  },
})

/** Returns the failed tests of each file, by its path. */
function failures(): Readonly<Record<string, readonly string[]>> {
  const output = join(CACHE, 'result.json')
  rmSync(output, { force: true })
  const jest = [
    'node_modules/jest/bin/jest.js',
    '--json',
    `--outputFile=${output}`,
    `--testTimeout=${TEST_HANGS}`,
    '--silent',
  ]
  const which = [
    '--selectProjects',
    'node',
    'client',
    ...(positionals.length > 0 ? ['--testPathPatterns', positionals.join('|')] : []),
  ]
  const node = [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    '--import',
    './test/runner/exit-at-once.mjs',
  ]
  const options = { cwd: COPY, stdio: 'ignore', timeout: RUN_HANGS, killSignal: 'SIGKILL' } as const
  spawnSync(process.execPath, [...node, ...jest, ...which], options)
  if (!existsSync(output)) return { '': ['the run hangs'] }
  const { testResults }: Result = JSON.parse(readFileSync(output, 'utf8'))
  return Object.fromEntries(
    testResults
      .filter(({ status }) => status === 'failed')
      .map(({ name, assertionResults: tests }) => {
        const failed = tests.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName)
        return [relative(COPY, name), failed.length > 0 ? failed : ['the file']]
      }),
  )
}

rmSync(COPY, { recursive: true, force: true })
mkdirSync(COPY, { recursive: true })
for (const name of COPIED) cpSync(join(ROOT, name), join(COPY, name), { recursive: true })
symlinkSync(join(ROOT, 'node_modules'), join(COPY, 'node_modules'))

const defects = readDefects()
const known = existsSync(values.out) ? readFileSync(values.out, 'utf8') : ''
const product = readProduct()
const first = Number(values.from)

if (known === '') appendFileSync(values.out, `${JSON.stringify({ defect: 'none', failed: failures() })}\n`)
for (const defect of defects.slice(first, first + Number(values.count))) {
  if (known.includes(`${JSON.stringify({ defect: defect.name }).slice(0, -1)},`)) continue
  const { file, text } = plant(defect, product)
  const copied = join(COPY, relative(ROOT, resolve(ROOT, file)))
  const original = readFileSync(copied, 'utf8')
  writeFileSync(copied, text)
  const failed = failures()
  writeFileSync(copied, original)
  appendFileSync(values.out, `${JSON.stringify({ defect: defect.name, failed })}\n`)
  console.log(`${Object.keys(failed).length} files notice: ${defect.name}`)
}
