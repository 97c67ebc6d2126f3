import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type BuildOptions, build, type Plugin } from 'esbuild'
import Koa from 'koa'
import { liveSession } from 'koa-live-session'
import type { Fields } from 'koa-live-session/fields'
import { Server, type ServerOptions } from 'socket.io'
import { compile as compileSvelte } from 'svelte/compiler'
import { compileScript, parse } from 'vue/compiler-sfc'
import type { SnippetFolder } from './snippet-folder.js'

const OPTIONS: BuildOptions = {
  bundle: true,
  format: 'esm',
  logLevel: 'warning',
}
/** Constants that the frameworks need from a bundler; in development they log mistakes to the console. */
export const FOR_BROWSERS: BuildOptions = {
  platform: 'browser',
  define: {
    'process.env.NODE_ENV': '"development"',
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
  },
}

/** Compiles the frameworks' components, as their own bundler plugins do. */
const components: Plugin = {
  name: 'components',
  setup({ onLoad }) {
    onLoad({ filter: /\.vue$/ }, ({ path }) => {
      const { descriptor } = parse(readFileSync(path, 'utf8'))
      return { contents: compileScript(descriptor, { id: 'page', inlineTemplate: true }).content, loader: 'ts' }
    })
    onLoad({ filter: /\.svelte$/ }, ({ path }) => ({
      contents: compileSvelte(readFileSync(path, 'utf8'), { filename: path }).js.code,
    }))
  },
}

/** An app built from the snippets of one page of the documentation. */
export class DocsSite {
  readonly url: string
  readonly io: Server

  private constructor(http: HttpServer, io: Server) {
    this.url = `http://localhost:${(http.address() as AddressInfo).port}`
    this.io = io
  }

  /** Starts the app: `entry` is bundled for the page; `render` responds with its HTML. */
  static async start(
    folder: SnippetFolder,
    entry: string,
    render: Koa.Middleware,
    options: Partial<ServerOptions> = {},
  ): Promise<DocsSite> {
    const { fields } = (await folder.import('fields.ts')) as { fields: Fields }
    const script = await bundle(folder, entry, FOR_BROWSERS)
    const app = new Koa({ keys: ['a secret of at least thirty-two bytes'] })
    const live = liveSession(app, { fields })
    app.use(live.middleware())
    app.use(async (ctx, next) => {
      if (ctx.path !== '/browser.js') return render(ctx, next)
      ctx.type = 'js'
      ctx.body = script
    })
    const http = app.listen(0)
    const io = new Server(http, options)
    live.attach(io)
    if (!http.listening) await once(http, 'listening')
    return new DocsSite(http, io)
  }

  async stop(): Promise<void> {
    await this.io.close()
  }
}

/** Returns the exports of a snippet for the server, which may contain components and elements. */
export async function serverPart(folder: SnippetFolder, file: string): Promise<unknown> {
  const code = await bundle(folder, file, { platform: 'node', packages: 'external' })
  const at = join(folder.path, `${file}.mjs`)
  writeFileSync(at, code)
  return import(at)
}

/** Bundles a snippet and all that it imports into one script. */
export async function bundle(folder: SnippetFolder, file: string, options: BuildOptions): Promise<string> {
  const entryPoints = [join(folder.path, file)]
  const plugins = [components]
  const made = await build({ ...OPTIONS, ...options, entryPoints, plugins, write: false, metafile: true })
  folder.take(Object.keys(made.metafile.inputs))
  return made.outputFiles[0]?.text ?? ''
}
