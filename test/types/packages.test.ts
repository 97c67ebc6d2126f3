import { copyFileSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import ts from 'typescript'
import { compile } from '../support/docs/compile.js'
import { snippet } from '../support/docs/readme.js'
import { appFolder, tsc } from '../support/docs/tsc.js'

/** The options of `tsc --init`; checks the package's declarations as well. */
const STRICT = {
  module: 'nodenext',
  target: 'esnext',
  types: [],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  verbatimModuleSyntax: true,
  isolatedModules: true,
  noUncheckedSideEffectImports: true,
  moduleDetection: 'force',
  jsx: 'react-jsx',
  skipLibCheck: false,
  composite: true,
  emitDeclarationOnly: true,
}
/** The options of Vite's `tsconfig.app.json`. */
const PAGE = { ...STRICT, module: 'esnext', moduleResolution: 'bundler', lib: ['ES2022', 'DOM'] }

/** The options of a server, without the types of browsers. */
const WITHOUT_DOM = { ...STRICT, lib: ['ES2023'], types: ['node'] }
const TEST = `import { memoryStore, testClient, testClock } from 'koa-live-session/testing'
import { fields } from './fields.js'
export const made: readonly unknown[] = [memoryStore(testClock().now), testClient(fields)]
// @ts-expect-error tests of a server have no document
export const page: unknown = document
`

const project = (compilerOptions: object, ...references: readonly string[]): string =>
  JSON.stringify({ compilerOptions, include: ['.'], references: references.map((path) => ({ path })) })

const FIELDS = snippet('fields.ts')
const SERVER = `${snippet('server.ts')}
// @ts-expect-error not declared
app.use((ctx) => { ctx.liveSession.get('divisoin') })
`
const BROWSER = `${snippet('page.ts')}
// @ts-expect-error not declared
live.get('divisoin')
// @ts-expect-error pages have no process
process.exit()
`
const COMPONENT = (entry: string): string => `import type {} from './fields.js'
import { useLiveSession } from 'koa-live-session/${entry}'
export const use = (): unknown => [
  useLiveSession('division'),
  // @ts-expect-error not declared
  useLiveSession('divisoin'),
]
`
/** A workspace package with the built fields of another package. */
const ofWorkspace = (name: string, options: object, text: string): Readonly<Record<string, string>> => ({
  [`workspace/${name}/tsconfig.json`]: project({ ...options, skipLibCheck: true }, '../../node_modules/app-fields'),
  [`workspace/${name}/index.ts`]: text.replace("'./fields.js'", "'app-fields'"),
})
const BUILT = JSON.stringify({
  name: 'app-fields',
  type: 'module',
  exports: { types: './fields.d.ts', default: './fields.js' },
})

const { exports, name }: { exports: object; name: string } = JSON.parse(readFileSync('package.json', 'utf8'))
const ENTRIES = Object.keys(exports).flatMap((entry) => (entry.endsWith('.json') ? [] : entry.replace('.', name)))
const ALL_ENTRIES = ENTRIES.map((entry, at) => `export * as entry${at} from '${entry}'\n`).join('')

let folder: string
let problems: readonly string[]
beforeAll(() => {
  folder = appFolder({
    'page/tsconfig.json': project(PAGE),
    'page/fields.ts': FIELDS,
    'page/browser.ts': BROWSER,
    'server/tsconfig.json': project(STRICT),
    'server/fields.ts': FIELDS,
    'server/server.ts': SERVER,
    'both/tsconfig.json': project(STRICT),
    'both/fields.ts': FIELDS,
    'both/server.ts': SERVER,
    'both/browser.ts': snippet('page.ts'),
    'tests/tsconfig.json': project(WITHOUT_DOM),
    'tests/fields.ts': FIELDS,
    'tests/app.test.ts': TEST,
    'node_modules/app-fields/package.json': BUILT,
    'node_modules/app-fields/tsconfig.json': project(PAGE),
    'node_modules/app-fields/fields.ts': FIELDS,
    'commonjs/package.json': '{ "type": "commonjs" }',
    'commonjs/app.ts': ALL_ENTRIES,
    'modules/app.ts': ALL_ENTRIES,
    ...ofWorkspace('page', PAGE, BROWSER),
    ...ofWorkspace('server', STRICT, SERVER),
    ...ofWorkspace('react', PAGE, COMPONENT('react')),
    ...ofWorkspace('vue', PAGE, COMPONENT('vue')),
  })
  const installed = join(folder, 'node_modules/koa-live-session')
  expect(tsc('-p', 'tsconfig.build.json', '--emitDeclarationOnly', '--outDir', join(installed, 'dist'))).toEqual([])
  copyFileSync('package.json', join(installed, 'package.json'))
  problems = tsc('-b', ...PROGRAMS.map((name) => join(folder, name)))
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const PROGRAMS = [
  'page',
  'server',
  'both',
  'tests',
  'workspace/page',
  'workspace/server',
  'workspace/react',
  'workspace/vue',
]

describe('registered fields', () => {
  it.each(PROGRAMS)('are known in the program %s', (name) => {
    expect(problems.filter((line) => line.includes(`${basename(folder)}/${name}/`))).toEqual([])
  })

  it('are known without socket.io-client', () => {
    const client = join(folder, 'node_modules/koa-live-session/dist/client')
    const declarations = readdirSync(client, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.ts'),
    )
    expect(declarations).toContain('types.d.ts')
    const imported = (file: string): boolean =>
      /(from|import\() *['"]socket\.io-client/.test(readFileSync(join(client, file), 'utf8'))
    expect(declarations.filter(imported)).toEqual([])
  })

  it("cause no other error, even in the package's declarations", () => {
    expect(problems).toEqual([])
  })
})

it.each<[string, string, ts.CompilerOptions]>([
  [
    'module: commonjs with moduleResolution: node',
    'commonjs',
    { module: ts.ModuleKind.CommonJS, moduleResolution: ts.ModuleResolutionKind.Node10, ignoreDeprecations: '6.0' },
  ],
  [
    'module: nodenext',
    'modules',
    { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
  ],
  [
    'moduleResolution: bundler',
    'modules',
    { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
  ],
])('the types of each entry are found by %s', (_, app, options) => {
  const file = relative('.', join(folder, app, 'app.ts'))
  expect(compile([file], { ...options, verbatimModuleSyntax: false, paths: {} })).toEqual([])
})
