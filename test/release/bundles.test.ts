import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type BuildOptions, build } from 'esbuild'
import { appFolder } from '../support/docs/tsc.js'
import { installClient } from '../support/servers/installed-client.js'

/** Words found only in the code of this part. */
const PARTS = {
  onFlash: 'live_session:take_flash',
  followAddress: 'currententrychange',
  followHandOffs: 'live_session_hand_off',
  keepTab: 'sessionStorage',
  onSessionEnd: 'extended',
}

interface Manifest {
  readonly name: string
  readonly engines: { readonly node: string }
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** A server sending a request to itself. */
const SERVER = `
  import { createServer } from 'node:http'
  import Koa from 'koa'
  import { Server } from 'socket.io'
  import { liveSession } from './server/index.ts'
  import { redisStore } from './server/store/redis.ts'
  import { defineFields } from './shared/index.ts'
  const app = new Koa({ keys: ['a secret of at least thirty-two bytes'] })
  const validate = (value: unknown) => ({ value })
  const schema = { '~standard': { version: 1, vendor: 'test', validate } }
  const live = liveSession(app, { fields: defineFields({ division: { schema, default: -1 } }) })
  app.use(live.middleware())
  app.use((ctx) => { ctx.body = String(ctx.liveSession.get('division')) })
  const http = createServer(app.callback())
  const io = new Server(http)
  live.attach(io)
  http.listen(0, '127.0.0.1', async () => {
    const answer = await fetch('http://127.0.0.1:' + http.address().port)
    console.log(await answer.text(), typeof redisStore === 'function')
    await live.close()
    await io.close()
  })
`

/** Returns the production script of a module with these lines. */
async function bundle(contents: string, options: BuildOptions = {}): Promise<string> {
  const stdin = { contents, resolveDir: resolve('.') }
  const { outputFiles } = await build({ stdin, bundle: true, minify: true, format: 'esm', ...options, write: false })
  return outputFiles?.[0]?.text ?? ''
}

const importing = (...names: readonly string[]): Promise<string> =>
  bundle(`export { ${names.join(', ')} } from './client/index.ts'`)

describe('a production page', () => {
  it('that imports createLiveSession alone contains no optional part', async () => {
    const script = await importing('createLiveSession')
    expect(Object.values(PARTS).filter((words) => script.includes(words))).toEqual([])
    // Minified names may differ in length.
    const alone = await bundle(`export { createLiveSession } from './client/create-live-session.ts'`)
    expect(Math.abs(script.length - alone.length)).toBeLessThan(10)
  })

  // .size-limit.json has the sizes.
  it.each(Object.entries(PARTS))('that imports %s contains no other optional part', async (name, words) => {
    const more = await importing('createLiveSession', name)
    expect(Object.values(PARTS).filter((one) => more.includes(one))).toEqual([words])
  })
})

describe('a server', () => {
  it('can be bundled as docs/deployment.md says', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'live-server-'))
    try {
      const outfile = join(folder, 'server.mjs')
      const [, js] = /--banner:js="(.*)"/.exec(readFileSync('docs/deployment.md', 'utf8')) ?? []
      const stdin = { contents: SERVER, resolveDir: resolve('.'), loader: 'ts' } as const
      await build({ stdin, outfile, banner: { js: String(js) }, bundle: true, platform: 'node', format: 'esm' })
      expect(execFileSync(process.execPath, [outfile], { cwd: folder, encoding: 'utf8' })).toBe('-1 true\n')
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

/** Words of the development build alone, and words of both builds. */
const [LONG, SHORT] = ['or await live.ready', 'docs/troubleshooting.md#']

describe('an app with the installed package', () => {
  const ENTRY = `import { createLiveSession } from 'koa-live-session/client'; createLiveSession()`
  let folder: string
  beforeAll(() => {
    // Outside the repository, because esbuild would find our sources in it.
    folder = mkdtempSync(join(tmpdir(), 'live-session-'))
    installClient(folder)
    const write = (file: string, text: string): void => writeFileSync(join(folder, file), text)
    write('package.json', '{ "type": "module" }')
    write('page.js', ENTRY)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const hasLong = (text: string): boolean => {
    expect(text).toContain(SHORT)
    return text.includes(LONG)
  }

  it.each([
    ['with', true, { conditions: ['development'] }],
    ['without', false, {}],
  ])('gets development messages from esbuild %s --conditions=development: %s', async (_, isTold, options) => {
    const entryPoints = [join(folder, 'page.js')]
    const { outputFiles } = await build({ entryPoints, bundle: true, format: 'esm', ...options, write: false })
    expect(hasLong(outputFiles[0]?.text ?? '')).toBe(isTold)
  })

  it.each([
    ['client', 'index'],
    ['hook', 'hook'],
    ['socket', 'socket'],
  ])('gets development messages in Node: %s', (entry, name) => {
    const script = `console.log(import.meta.resolve('koa-live-session/${entry}'))`
    const file = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: folder,
      encoding: 'utf8',
    })
    expect(file).toMatch(new RegExp(`dist/client/development/${name}\\.js$`, 'm'))
  })
})

describe('an app in CommonJS', () => {
  const { engines, exports, name }: Manifest = JSON.parse(readFileSync('package.json', 'utf8'))
  const entries = Object.entries(exports).filter(([entry]) => !entry.endsWith('.json'))

  it('can require() each entry', async () => {
    // In the repository, so that dependencies are found.
    const folder = appFolder({
      [`node_modules/${name}/package.json`]: JSON.stringify({ name, type: 'module', exports }),
      'app.cjs': entries.map(([entry]) => `require('${entry.replace('.', name)}')\n`).join(''),
    })
    const inputs = entries.flatMap(([, { types, ...files }]) => Object.values(files))
    const sources = new Set(inputs.map((file) => file.replace(/^\.\/dist\/(.*)\.js$/, '$1.ts')))
    const outdir = join(folder, 'node_modules', name, 'dist')
    const how = { bundle: true, format: 'esm', platform: 'node', packages: 'external', outbase: '.', outdir } as const
    await build({ entryPoints: [...sources], ...how })
    expect(execFileSync(process.execPath, ['app.cjs'], { cwd: folder, encoding: 'utf8', stdio: 'pipe' })).toBe('')
    rmSync(folder, { recursive: true })
  })

  it('is told which Node can require() the package', () => {
    expect(engines.node).toBe('>=20.19')
    expect(readFileSync('README.md', 'utf8')).toContain('Node 20.19 or newer')
  })
})
