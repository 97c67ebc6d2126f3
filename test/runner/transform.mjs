import { transform } from 'esbuild'

/** Jest's transformer: strips types, and compiles JSX for Preact. */
export default {
  async processAsync(text, file) {
    const { code } = await transform(text, {
      loader: file.endsWith('x') ? 'tsx' : 'ts',
      sourcefile: file,
      sourcemap: 'inline',
      target: 'es2023',
      jsx: 'automatic',
      jsxImportSource: 'preact',
    })
    return { code }
  },
}
