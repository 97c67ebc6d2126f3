import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** Returns the output of `npx tsc`, the compiler of newcomers, one problem per line. */
export function tsc(...args: readonly string[]): readonly string[] {
  const { error, stdout } = spawnSync(process.execPath, [resolve('node_modules/@typescript/native/bin/tsc'), ...args], {
    encoding: 'utf8',
  })
  if (error) throw error
  return stdout.split('\n').filter((line) => line !== '')
}

/** Creates a folder with these files, from which packages resolve as from an app. */
export function appFolder(files: Readonly<Record<string, string>>): string {
  mkdirSync('.cache', { recursive: true })
  const folder = mkdtempSync(resolve('.cache/app-'))
  for (const [file, text] of Object.entries({ 'package.json': '{ "type": "module" }', ...files })) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  return folder
}
