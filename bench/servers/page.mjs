// An app and its page on one build of this library, in its own process: `page.mjs <folder of the build>`. Counts the browsers' requests
// and, on demand, the executed functions of the build.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { Session } from 'node:inspector/promises'
import { createRequire } from 'node:module'
import { extname, join, normalize } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, stop } from 'esbuild'
import { answerBench, listening } from '../harness/child.mjs'
import { passed } from '../harness/passed.mjs'

const [folder] = process.argv.slice(2)
const { resolve } = createRequire(join(folder, 'package.json'))
const load = (path) => import(pathToFileURL(path).href)
const { default: Koa } = await load(resolve('koa'))
const { Server } = await load(resolve('socket.io'))
const { z } = await load(resolve('zod'))
const { liveSession } = await load(join(folder, 'dist/server/index.js'))
const { defineFields } = await load(join(folder, 'dist/shared/index.js'))

const SCRIPT = `
  import { io } from 'socket.io-client'
  import { createLiveSession } from '/dist/client/index.js'
  const socket = io({ transports: ['websocket'] })
  const live = createLiveSession({ socket })
  const state = { live, socket, next: () => live.set('division', live.get('division') + 1) }
  live.ready.then(() => { state.isReady = true })
  globalThis.bench = state
`
/** The script as a single file, as shipped by apps. */
const bundle = async () => {
  const { outputFiles } = await build({
    stdin: { contents: SCRIPT.replace('/dist', `${folder}/dist`), resolveDir: folder },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false,
  })
  await stop()
  return outputFiles[0].text
}
const bundled = await bundle()

const app = new Koa({ keys: ['a secret of at least thirty-two bytes'] })
const limits = { changesPerSocket: 1e6, changesPerVisitor: 1e6, socketsPerVisitor: 1e3 }
const fields = defineFields({ division: { schema: z.number().int(), default: 0, client: 'write' } })
const live = liveSession(app, { fields, limits })
const modules = { 'socket.io-client': '/socket.io/socket.io.esm.min.js' }
const html = (values, script) =>
  `<!doctype html><title>bench</title><link rel="icon" href="data:,"><script type="importmap">${JSON.stringify({ imports: modules })}</script>${values}${script}`

app.use(live.middleware())
app.use((ctx) => {
  ctx.type = 'html'
  const script = '<script type="module" src="/page.js"></script>'
  // `/` is rendered with the values, `/modules` also loads each module as its own file, and `/static` has no values.
  if (ctx.path === '/') ctx.body = html(ctx.liveSession.embed(), script)
  else if (ctx.path === '/modules') ctx.body = html(ctx.liveSession.embed(), `<script type="module">${SCRIPT}</script>`)
  else if (ctx.path === '/static') ctx.body = html('', script)
  else if (ctx.path === '/value') ctx.body = String(ctx.liveSession.get('division'))
  else if (ctx.path === '/page.js') {
    ctx.type = 'js'
    ctx.body = bundled
  } else if (extname(ctx.path) === '.js') {
    ctx.type = 'js'
    ctx.body = readFileSync(join(folder, normalize(ctx.path)))
  }
})

const asked = []
const http = createServer(app.callback())
const note = (what) => asked.push({ what, at: performance.now() })
http.prependListener('request', ({ method }) => note(method))
http.prependListener('upgrade', () => note('CONNECT'))
live.attach(new Server(http))

const inspector = new Session()
answerBench(await listening(http), {
  /** Returns the requests since the last call. */
  asked: () => asked.splice(0),
  /** Starts counting, which slows everything down. */
  count: async () => {
    inspector.connect()
    await inspector.post('Profiler.enable')
    await inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  },
  /** Returns the functions executed since the last call. */
  passed: async () => passed(await inspector.post('Profiler.takePreciseCoverage')),
})
