import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { isBare } from '../../runner/scope.mjs'

/** A server for tests, and how to install it. */
export interface Needed {
  readonly name: string
  /** Names of the command, any of which will do. */
  readonly commands: readonly string[]
  readonly package: string
  /** The environment variable with the path to use. */
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

/** Where Debian installs PostgreSQL's commands outside PATH: one folder per version. */
const POSTGRES_FOLDER = '/usr/lib/postgresql'
const FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin']

/** Returns the path of the server, or undefined if it is missing or hidden. */
export function find({ commands, variable }: Needed): string | undefined {
  if (isBare) return undefined
  const asked = process.env[variable]
  if (asked) return asked
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...FOLDERS, ...versionsOfPostgres()]
  return folders.flatMap((folder) => commands.map((name) => join(folder, name))).find((path) => existsSync(path))
}

/** @throws if it is not installed */
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
