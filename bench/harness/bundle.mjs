import { gzipSync } from 'node:zlib'
import { build, stop } from 'esbuild'

/** Returns the gzipped bytes loaded by a page for just these exports: `export { a } from 'b'`. Undefined for a missing export. */
export async function bytesOf(contents, resolveDir, external = []) {
  try {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir },
      bundle: true,
      minify: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      define: { 'process.env.NODE_ENV': '"production"' },
      external,
      write: false,
      logLevel: 'silent',
    })
    return gzipSync(outputFiles[0].contents, { level: 9 }).length
  } finally {
    await stop()
  }
}

export const kB = (bytes) => (bytes / 1000).toFixed(2)
