import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Returns the texts of a TypeScript file and of all files that it loads, by path. Imports of types alone load nothing. */
export function loadedFiles(file, texts = new Map()) {
  if (texts.has(file) || !existsSync(file)) return texts
  const text = readFileSync(file, 'utf8').replace(/^import type [^']*'[^']*'/gm, '')
  texts.set(file, text)
  for (const [, path] of text.matchAll(/from '(\.[^']+)\.js'/g)) loadedFiles(`${join(dirname(file), path)}.ts`, texts)
  return texts
}
