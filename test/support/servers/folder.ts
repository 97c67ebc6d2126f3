import { chownSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A temporary folder, which belongs to another user if given. */
export class Folder {
  readonly path: string

  constructor(owner?: number) {
    this.path = mkdtempSync(join(realpathSync(tmpdir()), 'live-session-'))
    if (owner !== undefined) chownSync(this.path, owner, owner)
  }

  in(name: string): string {
    return join(this.path, name)
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Returns an unprivileged user if this process runs as root, because PostgreSQL does not run as root. */
export function unprivileged(): number | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync('/etc/passwd', 'utf8').split('\n')
  const ids = users.map((line) => line.split(':')).filter(([name = '']) => ['postgres', 'nobody'].includes(name))
  const [, , id] = ids.find(([name]) => name === 'postgres') ?? ids[0] ?? []
  if (id === undefined) throw new Error('no user for PostgreSQL: it does not run as root')
  return Number(id)
}
