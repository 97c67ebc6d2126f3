import { gzipSync } from 'node:zlib'
import { build, stop } from 'esbuild'

/** Bytes, gzip, of what a page loads that uses just these exports: `export { a } from 'b'`. Undefined where there is no such export. */
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
