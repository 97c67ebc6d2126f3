import { randomBytes } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'

/** The secret that signs cookies: given as SECRET, else made once and kept, so that cookies outlive every restart. */
export async function readSecret(folder: URL): Promise<string> {
  const { SECRET } = process.env
  if (SECRET !== undefined && SECRET !== '') return SECRET
  const file = new URL('secret', folder)
  const draft = new URL(`secret-${randomBytes(8).toString('hex')}`, folder)
  await writeFile(draft, randomBytes(32).toString('base64url'), { mode: 0o600 })
  // The file is there only once it is whole: of processes that start beside each other, all read what the first has written.
  await link(draft, file).catch(unlessItExists)
  await rm(draft)
  return readFile(file, 'utf8')
}

function unlessItExists(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
