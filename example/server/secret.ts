import { randomBytes } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'

/** Returns the secret for signing cookies: SECRET, or a random secret kept in a file, so that cookies survive restarts. */
export async function readSecret(folder: URL): Promise<string> {
  const { SECRET } = process.env
  if (SECRET !== undefined && SECRET !== '') return SECRET
  const file = new URL('secret', folder)
  const draft = new URL(`secret-${randomBytes(8).toString('hex')}`, folder)
  await writeFile(draft, randomBytes(32).toString('base64url'), { mode: 0o600 })
  // `link` creates the complete file atomically: of concurrent processes, the first wins, and all read its secret.
  await link(draft, file).catch(unlessItExists)
  await rm(draft)
  return readFile(file, 'utf8')
}

function unlessItExists(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
