import { readFileSync } from 'node:fs'

/** The TypeScript of the README that begins with a comment naming its file. */
export function snippet(file: string): string {
  const blocks = [...readFileSync('README.md', 'utf8').matchAll(/```tsx?\n(.*?)```/gs)].map(([, code = '']) => code)
  const found = blocks.find((code) => code.startsWith(`// ${file}`))
  if (found === undefined) throw new Error(`README.md has no snippet ${file}`)
  return found
}
