import { exec } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openRegistry, type Registry } from './registry.js'

/** Time limit in ms for a command that hangs: a busy machine takes a while to build the package. */
const TIMEOUT = 240_000

/** A newcomer who follows the documents in a folder outside this repository, beside a clone with the packed package. */
export class Newcomer {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'newcomer-'))
  readonly env: NodeJS.ProcessEnv
  /** Has the packed package and the starter. */
  readonly clone: string = join(this.folder, 'koa-live-session')
  readonly #registry: Registry

  private constructor(registry: Registry) {
    this.#registry = registry
    this.env = environment(join(this.folder, 'npm'), registry.url)
  }

  /** @param pack the documents' command for packing: this repository stands in for the clone, in which `npm ci` was run */
  static async arrive(pack: string): Promise<Newcomer> {
    const newcomer = new Newcomer(await openRegistry())
    const { clone } = newcomer
    try {
      mkdirSync(clone)
      cpSync('example/starter', join(clone, 'example/starter'), { recursive: true })
      await newcomer.run(`${pack} --pack-destination "${clone}"`, process.cwd())
    } catch (error) {
      newcomer.leave()
      throw error
    }
    return newcomer
  }

  run(command: string, cwd: string = this.folder, env: NodeJS.ProcessEnv = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      exec(command, { cwd, env: { ...this.env, ...env }, timeout: TIMEOUT }, (error, stdout, stderr) => {
        if (error) reject(new Error(`${command}\n${stdout}\n${stderr}`))
        else resolve(stdout)
      })
    })
  }

  leave(): void {
    this.#registry.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Returns the environment without the variables of npm and Jest for their children, and without this machine's npm settings. */
function environment(npm: string, registry: string): NodeJS.ProcessEnv {
  const isKept = ([name]: [string, unknown]): boolean =>
    !/^npm_|_proxy$|^(NODE_ENV|NODE_OPTIONS|SECRET|CI)$/i.test(name)
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(isKept)),
    npm_config_registry: registry,
    npm_config_cache: join(npm, 'cache'),
    npm_config_userconfig: join(npm, 'npmrc'),
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
  }
}
