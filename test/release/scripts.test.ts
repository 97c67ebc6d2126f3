import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'

type Files = Readonly<Record<string, string>>

let folder: string
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'release-')))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function write(files: Files): void {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
}

const read = (file: string): string => readFileSync(join(folder, file), 'utf8')

/** Runs a script in the folder; returns its errors and exit code. */
function run(script: string): { readonly said: string; readonly status: number | null } {
  const env = { ...process.env, npm_config_cache: join(folder, '.npm'), npm_config_loglevel: 'silent' }
  const { status, stderr } = spawnSync(process.execPath, [resolve('scripts', script)], {
    cwd: folder,
    env,
    encoding: 'utf8',
  })
  return { said: stderr, status }
}

describe('npm version', () => {
  const FILES: Files = {
    'package.json': '{ "name": "koa-live-session", "version": "1.3.0" }',
    'README.md': 'npm install ../koa-live-session-1.2.0.tgz koa',
    'example/starter/package.json': '{ "koa-live-session": "file:../koa-live-session-1.2.0.tgz" }',
    'docs/guides/begin.md': 'koa-live-session-1.2.0.tgz',
  }

  it('moves the unreleased notes, and updates tarball names', () => {
    write({ ...FILES, 'CHANGELOG.md': '# Changelog\n\n## [Unreleased]\n\n- New\n\n## [1.2.0] - 2026-01-01\n\n- Old\n' })
    expect(run('version.mjs').status).toBe(0)
    expect(read('CHANGELOG.md').replace(/1\.3\.0\] - \d{4}-\d\d-\d\d$/m, '1.3.0] - today')).toBe(
      '# Changelog\n\n## [Unreleased]\n\n## [1.3.0] - today\n\n- New\n\n## [1.2.0] - 2026-01-01\n\n- Old\n',
    )
    expect(read('README.md')).toBe('npm install ../koa-live-session-1.3.0.tgz koa')
    expect(read('example/starter/package.json')).toBe('{ "koa-live-session": "file:../koa-live-session-1.3.0.tgz" }')
    expect(read('docs/guides/begin.md')).toBe('koa-live-session-1.3.0.tgz')
  })
})
