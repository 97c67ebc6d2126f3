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

export const REDIS = server('Redis', ['redis-server', 'valkey-server'], 'redis-server', 'REDIS_SERVER')
export const POSTGRES = server('PostgreSQL', ['postgres'], 'postgresql', 'POSTGRES_SERVER')
export const MARIADB = server('MariaDB', ['mariadbd', 'mysqld'], 'mariadb-server', 'MARIADB_SERVER')
export const NGINX = server('nginx', ['nginx'], 'nginx-light', 'NGINX_SERVER')

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

function server(name: string, commands: readonly string[], debian: string, variable: string): Needed {
  return { name, commands, package: debian, variable }
}
