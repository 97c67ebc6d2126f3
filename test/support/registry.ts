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

/**
 * A package registry on loopback. It has the packages that are installed here, each under its own name and version, so
 * that `npm install` runs as it is, needs no network, and finds the same today as tomorrow.
 */
export async function openRegistry(): Promise<Registry> {
  const folders = installed()
  const server = createServer(({ url: path = '/' }, response) => {
    const [name = '', folder = ''] = decodeURIComponent(path.slice(1)).split('?')
    if (folders.includes(folder)) return pack(folder, response)
    const found = folders.filter((folder) => folder.endsWith(`node_modules/${name}`))
    if (found.length === 0) return void response.writeHead(404).end('{}')
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify(describe(name, found, url)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/`
  return { url, close: () => void server.close() }
}

/** The folders of the lock file that are there: it also names builds for other systems. */
function installed(): readonly string[] {
  const { packages }: { readonly packages: object } = JSON.parse(readFileSync('package-lock.json', 'utf8'))
  return Object.keys(packages).filter((folder) => folder !== '' && existsSync(join(folder, 'package.json')))
}

/** What a registry says of a package. The latest version is the one at the top of node_modules. */
function describe(name: string, folders: readonly string[], url: string): object {
  const versions = folders.map((folder) => {
    const manifest: Manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    return { ...manifest, dist: { tarball: `${url}${name}?${folder}` } }
  })
  const latest = versions[folders.indexOf(`node_modules/${name}`)] ?? versions[0]
  return {
    name,
    'dist-tags': { latest: latest?.version },
    versions: Object.fromEntries(versions.map((manifest) => [manifest.version, manifest])),
  }
}

function pack(folder: string, response: ServerResponse): void {
  const tar = spawn('tar', ['-c', '--exclude', 'node_modules', '-C', dirname(folder), basename(folder)])
  tar.stdout.pipe(response)
  tar.once('error', (error) => response.destroy(error))
}
