import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { basename, dirname, join } from 'node:path'

export interface Registry {
  readonly url: string
  close(): void
}

interface Manifest {
  readonly version: string
}

/** Opens a package registry on loopback with the installed packages, so that `npm install` needs no network. */
export async function openRegistry(): Promise<Registry> {
  const packages = installed()
  const server = createServer(({ url: path = '/' }, response) => {
    const [name = '', folder = ''] = decodeURIComponent(path.slice(1)).split('?')
    if (packages.has(folder)) return pack(folder, response)
    const found = [...packages.keys()].filter((folder) => packages.get(folder) === name)
    if (found.length === 0) return void response.writeHead(404).end('{}')
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify(describe(name, found, url)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/`
  return { url, close: () => void server.close() }
}

/** Returns package names by folder, if the folder exists: the lock file also lists builds for other systems. */
function installed(): ReadonlyMap<string, string> {
  const lock: { readonly packages: Readonly<Record<string, { readonly name?: string }>> } = JSON.parse(
    readFileSync('package-lock.json', 'utf8'),
  )
  const folders = Object.entries(lock.packages).filter(([at]) => at !== '' && existsSync(join(at, 'package.json')))
  return new Map(folders.map(([at, { name = at.split('node_modules/').at(-1) ?? '' }]) => [at, name]))
}

/** Returns a registry's answer about a package. The latest version is the greatest at the top of node_modules, maybe under another name. */
function describe(name: string, folders: readonly string[], url: string): object {
  const versions = folders.map((folder) => {
    const manifest: Manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    return { ...manifest, dist: { tarball: `${url}${name}?${folder}` } }
  })
  const atTop = versions.filter((_, index) => folders[index]?.lastIndexOf('node_modules/') === 0)
  const [latest] = (atTop.length > 0 ? atTop : versions).map(({ version }) => version).sort(descending)
  return {
    name,
    'dist-tags': { latest },
    versions: Object.fromEntries(versions.map((manifest) => [manifest.version, manifest])),
  }
}

function descending(one: string, other: string): number {
  return other.localeCompare(one, 'en', { numeric: true })
}

function pack(folder: string, response: ServerResponse): void {
  const tar = spawn('tar', ['-c', '--exclude', 'node_modules', '-C', dirname(folder), basename(folder)])
  tar.stdout.pipe(response)
  tar.once('error', (error) => response.destroy(error))
}
