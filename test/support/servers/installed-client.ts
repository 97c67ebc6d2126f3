import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { buildSync } from 'esbuild'

/** Installs the package's client into a folder's `node_modules`, as npm would. */
export function installClient(folder: string): void {
  const at = join(folder, 'node_modules/koa-live-session')
  const entryPoints = ['index', 'development/index'].map((name) => resolve(`client/${name}.ts`))
  buildSync({ entryPoints, bundle: true, format: 'esm', target: 'es2022', outdir: join(at, 'dist/client') })
  const { name, type, sideEffects, exports } = JSON.parse(readFileSync('package.json', 'utf8'))
  writeFileSync(join(at, 'package.json'), JSON.stringify({ name, type, sideEffects, exports }))
}
