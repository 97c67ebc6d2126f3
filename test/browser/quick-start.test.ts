import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import type { Page } from 'puppeteer-core'
import { Newcomer } from '../support/docs/newcomer.js'
import { commands, snippetsOf } from '../support/docs/readme.js'
import { describeInBrowser, openBrowser } from '../support/page/browser.js'
import { click, named, shows } from '../support/page/on-page.js'
import { freePort } from '../support/servers/free-port.js'

const GUIDES = ['docs/getting-started.md', 'docs/javascript.md']

/**
 * The app of the quick start or of getting started, as a newcomer builds it. Only the port differs, because 3000 may be
 * taken.
 */
class QuickStart {
  readonly folder: string
  readonly #newcomer: Newcomer
  readonly #steps: readonly string[]
  readonly #port: number
  #server: ChildProcess | undefined

  private constructor(newcomer: Newcomer, folder: string, steps: readonly string[], port: number) {
    this.#newcomer = newcomer
    this.folder = folder
    this.#steps = steps
    this.#port = port
  }

  /** Builds the app of a guide, up to the command that starts the server. */
  static async byHand(newcomer: Newcomer, guide: string, name: string = basename(guide, '.md')): Promise<QuickStart> {
    const steps = commands(guide)
    const folder = join(newcomer.folder, name)
    const app = new QuickStart(newcomer, folder, steps, await freePort())
    mkdirSync(app.folder)
    for (const { file = '', text } of snippetsOf(guide)) app.#write(file, text)
    for (const command of steps.slice(0, -1)) await newcomer.run(command, app.folder)
    return app
  }

  /**
   * Copies and installs the starter, as the README says. Its first two commands, for installing and packing, have run
   * already.
   */
  static async copied(newcomer: Newcomer): Promise<QuickStart> {
    const steps = commands('README.md', 'Quick start').slice(2)
    const folder = steps.find((step) => step.startsWith('cd '))?.slice('cd '.length) ?? ''
    await newcomer.run(steps.slice(0, -1).join(' && '), newcomer.clone)
    const app = new QuickStart(newcomer, join(newcomer.clone, folder), steps, await freePort())
    app.#write('server.ts', app.read('server.ts'))
    return app
  }

  /** Appends a line to the page's script, and checks the types. */
  async check(line: string): Promise<void> {
    const [script = ''] = readdirSync(this.folder).filter((file) => /^browser\.(ts|mjs)$/.test(file))
    const text = this.read(script)
    const command = this.#steps.find((step) => /^npx tsc(?! --init)/.test(step)) ?? ''
    this.#write(script, `${text}\n${line}\n`)
    try {
      await this.#newcomer.run(command, this.folder)
    } finally {
      this.#write(script, text)
    }
  }

  /** Changes `server.js` as the guide says for a page without a bundler. */
  dropBundler(): void {
    const text = this.read('server.js')
    const served = text
      .replace(
        'app.use(live.middleware())',
        "const { modules, scripts } = require('./modules.js')\napp.use(modules)\n$&",
      )
      .replace('<script type="module" src="/bundle.js"></script>', () => `\${scripts}`)
    this.#write('server.js', served)
  }

  get url(): string {
    return `http://localhost:${this.#port}`
  }

  read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8')
  }

  /** Resolves when the server prints its address. */
  async start(): Promise<void> {
    const command = this.#steps.at(-1) ?? ''
    const [program = '', ...args] = command.split(' ')
    // Its own process group, so that npm, its shell and the server end together.
    const server = spawn(program, args, {
      cwd: this.folder,
      env: this.#newcomer.env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    this.#server = server
    const output: string[] = []
    server.stderr.on('data', (text) => output.push(String(text)))
    const started = new Promise<boolean>((resolve) => {
      createInterface(server.stdout).on('line', (line) => {
        output.push(line)
        if (line === this.url) resolve(true)
      })
    })
    if (await Promise.race([started, once(server, 'exit').then(() => false)])) return
    throw new Error(`${command}: expected ${this.url}, received ${output.join('\n')}`)
  }

  async kill(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server?.pid === undefined || server.exitCode !== null) return
    const ended = once(server, 'exit')
    process.kill(-server.pid, 'SIGKILL')
    await ended
  }

  #write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text.replaceAll('3000', String(this.#port)))
  }
}

let newcomer: Newcomer

beforeAll(async () => {
  const [, pack = ''] = commands('README.md', 'Quick start')
  newcomer = await Newcomer.arrive(pack)
}, 300_000)
afterAll(() => newcomer.leave())

const rows = (page: Page, count: number): Promise<unknown> =>
  page.waitForFunction(`document.querySelectorAll('li:not([hidden])').length === ${count}`)

const orders = (page: Page, text: RegExp): Promise<void> => shows(page, 'ul', text)
const showsStatus = (page: Page, text: string): Promise<void> => shows(page, '[role=status]', text)
const isPressed = (page: Page, name: string): Promise<unknown> =>
  page.waitForSelector(`[value=${name}][aria-pressed=true]`)

describe.each(GUIDES)('%s', (guide) => {
  describeInBrowser('its app', () => {
    let quickStart: QuickStart
    beforeAll(async () => {
      quickStart = await QuickStart.byHand(newcomer, guide)
    }, 300_000)
    afterEach(() => quickStart.kill())

    it('shares its filter between tabs, over a reload and a kill', async () => {
      await quickStart.start()
      const person = await openBrowser()
      const [one, two] = [await person.open(quickStart.url), await person.open(quickStart.url)]
      await orders(one, /^order 1order 2order 3$/)
      await one.select('select', 'south')
      await orders(two, /^order 2$/)
      await showsStatus(one, 'saved')
      await quickStart.kill()
      await quickStart.start()
      await one.reload()
      await orders(one, /^order 2$/)
      await two.select('select', 'all')
      await orders(one, /^order 1order 2order 3$/)
    })

    it('has no wrong type, even after its script is bundled', async () => {
      await expect(quickStart.check('')).resolves.toBeUndefined()
    })

    it.each([
      ['an undeclared key', "live.get('regoin')", `'"regoin"' is not assignable`],
      ['a value of another type', "live.set('region', 3).catch(console.error)", "'number' is not assignable"],
    ])('finds %s by its command for types', async (_, line, problem) => {
      await expect(quickStart.check(line)).rejects.toThrow(problem)
    })
  })
})

describeInBrowser('docs/javascript.md without a bundler', () => {
  let quickStart: QuickStart
  beforeAll(async () => {
    quickStart = await QuickStart.byHand(newcomer, 'docs/javascript.md', 'unbundled')
    quickStart.dropBundler()
  }, 300_000)
  afterEach(() => quickStart.kill())

  it('shares its filter between tabs, without the bundle', async () => {
    await quickStart.check('')
    await quickStart.start()
    const person = await openBrowser()
    const [one, two] = [await person.open(quickStart.url), await person.open(quickStart.url)]
    await one.select('select', 'south')
    await orders(two, /^order 2$/)
    await showsStatus(one, 'saved')
    expect(await one.$$eval('script[src]', (scripts) => scripts.map((script) => script.getAttribute('src')))).toEqual([
      '/browser.mjs',
    ])
    expect(person.complaints).toEqual([])
  })
})

describeInBrowser('the starter', () => {
  let starter: QuickStart
  beforeAll(async () => {
    starter = await QuickStart.copied(newcomer)
  }, 300_000)
  afterEach(() => starter.kill())

  it('shares its filter between tabs, over a restart and a kill', async () => {
    await starter.start()
    const secret = starter.read('.env')
    expect(secret).toMatch(/^SECRET=[\w-]{43}$/)
    const person = await openBrowser()
    const [one, two] = [await person.open(starter.url), await person.open(starter.url)]
    await click(one, named('button', 'Film'))
    await isPressed(two, 'Film')
    await rows(two, 2)
    await showsStatus(one, 'saved')
    await click(one, named('button', 'Restart the server'))
    for (const page of [one, two]) await showsStatus(page, 'the server is back')
    await click(two, named('button', 'Design'))
    await isPressed(one, 'Design')
    await showsStatus(two, 'saved')
    await starter.kill()
    await starter.start()
    expect(starter.read('.env')).toBe(secret)
    await one.reload()
    await isPressed(one, 'Design')
    await rows(one, 2)
    expect(person.complaints.filter((text) => !/Failed to load resource|WebSocket|ERR_/.test(text))).toEqual([])
  })
})
