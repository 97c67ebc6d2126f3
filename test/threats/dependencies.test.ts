import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'

type Versions = Readonly<Record<string, string>>
interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string }>>
}

const manifest: { readonly dependencies: Versions; readonly peerDependencies: Versions } = readJson('package.json')
const { packages }: Lock = readJson('package-lock.json')

/** Advisories for the majors in use, with the first fixed version. */
const ADVISORIES: readonly (readonly [name: string, id: string, fixed: string])[] = [
  ['koa', 'GHSA-593f-38f6-jp5m (CVE-2025-25200)', '3.0.0'],
  ['koa', 'GHSA-x2rg-q646-7m2v (CVE-2025-32379)', '3.0.0'],
  ['koa', 'GHSA-g8mr-fgfg-5qpc (CVE-2025-62595)', '3.0.3'],
  ['koa', 'GHSA-7gcc-r8m5-44qm (CVE-2026-27959)', '3.1.2'],
  ['@koa/router', 'CVE-2026-9495', '15.0.0'],
  ['on-headers', 'GHSA-76c9-3jph-rj3q (CVE-2025-7339)', '1.1.0'],
  ['socket.io', 'GHSA-25hc-qcg6-38wj (CVE-2024-38355)', '4.6.2'],
  ['engine.io', 'GHSA-273r-mgr4-v34f (CVE-2022-21676)', '6.1.1'],
  ['engine.io', 'GHSA-r7qp-cfhv-p84w (CVE-2022-41940)', '6.2.1'],
  ['engine.io', 'GHSA-q9mw-68c2-j6m5 (CVE-2023-31125)', '6.4.2'],
  ['engine.io', 'CVE-2026-59725', '6.6.7'],
  ['engine.io', 'GHSA-gr94-w7qr-f4j3', '6.6.9'],
  ['engine.io', 'GHSA-r635-g3xr-vw7x', '6.6.9'],
  ['socket.io-parser', 'GHSA-qm95-pgcg-qqfq (CVE-2022-2421)', '4.2.1'],
  ['socket.io-parser', 'GHSA-cqmj-92xf-r6r9 (CVE-2023-32695)', '4.2.3'],
  ['socket.io-parser', 'GHSA-677m-j7p3-52f9 (CVE-2026-33151)', '4.2.6'],
  ['socket.io-parser', 'GHSA-2m8v-j782-fhvr (CVE-2026-69185)', '4.2.7'],
  ['ws', 'GHSA-3h5v-q93c-6h6q (CVE-2024-37890)', '8.17.1'],
  ['ws', 'GHSA-58qx-3vcg-4xpx (CVE-2026-45736)', '8.20.1'],
  ['ws', 'GHSA-96hv-2xvq-fx4p (CVE-2026-48779)', '8.21.0'],
]

describe('threat 28: known advisories', () => {
  it.each(ADVISORIES)('affect no locked version of %s: %s', (name, _, fixed) => {
    const locked = lockedVersions(name)
    expect(locked).not.toEqual([])
    expect(locked.filter((version) => isBelow(version, fixed))).toEqual([])
  })

  it.each(ADVISORIES.filter(([name]) => allowed(name) !== undefined))(
    'affect no allowed version of %s: %s',
    (name, _, fixed) => {
      expect(isBelow(minimum(allowed(name) ?? ''), fixed)).toBe(false)
    },
  )

  it('are checked against ranges with a minimum version', () => {
    for (const name of ['koa', 'koa-session', 'socket.io', 'socket.io-client']) {
      expect(allowed(name)).toMatch(/^\^?\d+\.\d+\.\d+$/)
    }
  })

  it('are found in older versions', () => {
    for (const [version, fixed] of [
      ['3.1.1', '3.1.2'],
      ['3.0.9', '3.1.2'],
      ['2.16.4', '3.1.2'],
      ['3.1.2-alpha.1', '3.1.2'],
      ['8.9.0', '8.17.1'],
    ] as const) {
      expect([version, isBelow(version, fixed)]).toEqual([version, true])
    }
    expect(isBelow('3.1.2', '3.1.2')).toBe(false)
    expect(isBelow('10.0.0', '9.9.9')).toBe(false)
  })
})

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8'))
}

function lockedVersions(name: string): readonly string[] {
  return Object.entries(packages).flatMap(([path, { version }]) =>
    path.endsWith(`node_modules/${name}`) && version !== undefined ? [version] : [],
  )
}

/** The allowed range of a package. */
function allowed(name: string): string | undefined {
  return manifest.peerDependencies[name] ?? manifest.dependencies[name]
}

function minimum(range: string): string {
  return range.replace(/^\D+/, '')
}

/** Returns whether a version is older than another; a pre-release is older than its release. */
function isBelow(version: string, other: string): boolean {
  const [release = '', pre] = version.split('-')
  const [a, b] = [release, other].map((text) => text.split('.').map(Number))
  const at = a?.findIndex((part, index) => part !== b?.[index]) ?? -1
  return at < 0 ? pre !== undefined : Number(a?.[at]) < Number(b?.[at])
}
