import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { isBare } from '../scope.mjs'

/** A server that tests start, and what to do where it is missing. */
export interface Needed {
  readonly name: string
  /** Any of these. */
  readonly commands: readonly string[]
  /** The package of Debian that has it. */
  readonly package: string
  /** The variable that says which one to take. */
  readonly variable: string
}

export const REDIS: Needed = {
  name: 'Redis',
  commands: ['redis-server', 'valkey-server'],
  package: 'redis-server',
  variable: 'REDIS_SERVER',
}
export const POSTGRES: Needed = {
  name: 'PostgreSQL',
  commands: ['postgres'],
  package: 'postgresql',
  variable: 'POSTGRES_SERVER',
}
export const MARIADB: Needed = {
  name: 'MariaDB',
  commands: ['mariadbd', 'mysqld'],
  package: 'mariadb-server',
  variable: 'MARIADB_SERVER',
}
export const NGINX: Needed = {
  name: 'nginx',
  commands: ['nginx'],
  package: 'nginx-light',
  variable: 'NGINX_SERVER',
}

/** Where Debian has what is no command for everyone: of PostgreSQL, a folder a version. */
const POSTGRES_FOLDER = '/usr/lib/postgresql'
const FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin']

/** Where the server is; undefined where it is nowhere, or hidden. */
export function find({ commands, variable }: Needed): string | undefined {
  if (isBare) return undefined
  const asked = process.env[variable]
  if (asked) return asked
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...FOLDERS, ...versionsOfPostgres()]
  return folders.flatMap((folder) => commands.map((name) => join(folder, name))).find((path) => existsSync(path))
}

/** @throws where it is nowhere */
export function located(needed: Needed): string {
  const path = find(needed)
  if (path === undefined) throw new Error(`${needed.name} is not installed: apt-get install -y ${needed.package}`)
  return path
}

function versionsOfPostgres(): readonly string[] {
  if (!existsSync(POSTGRES_FOLDER)) return []
  const versions = readdirSync(POSTGRES_FOLDER).sort((a, b) => Number(b) - Number(a))
  return versions.map((version) => join(POSTGRES_FOLDER, version, 'bin'))
}
