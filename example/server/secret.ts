import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'

/** The secret that signs cookies: given as SECRET, else made once and kept, so that cookies outlive every restart. */
export async function readSecret(folder: URL): Promise<string> {
  const { SECRET } = process.env
  if (SECRET !== undefined && SECRET !== '') return SECRET
  const file = new URL('secret', folder)
  // The process that comes second reads what the first has written.
  await writeFile(file, randomBytes(32).toString('base64url'), { flag: 'wx', mode: 0o600 }).catch(unlessItExists)
  return readFile(file, 'utf8')
}

function unlessItExists(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
