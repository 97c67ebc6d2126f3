import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals'
import type { HTTPResponse, Page } from 'puppeteer-core'
import { Newcomer } from '../support/docs/newcomer.js'
import { commands, type Snippet, snippetsOf, textsOf } from '../support/docs/readme.js'
import { describeInBrowser, openBrowser, type Person } from '../support/page/browser.js'
import { click, is, named, shows } from '../support/page/on-page.js'
import { freePort } from '../support/servers/free-port.js'

/** A page, or a section of it, which tells how to make an app: install packages, copy its code blocks, then build and start. */
interface Guide {
  readonly page: string
  readonly title?: string
}

const README: Guide = { page: 'README.md', title: 'Quick start' }
const JAVASCRIPT: Guide = { page: 'docs/javascript.md' }

/** An app as a newcomer makes it. Only the port differs, because 3000 may be taken. */
class QuickStart {
  readonly folder: string
  readonly #newcomer: Newcomer
  readonly #start: string
  readonly #port: number
  #server: ChildProcess | undefined

  private constructor(newcomer: Newcomer, folder: string, start: string, port: number) {
    this.#newcomer = newcomer
    this.folder = folder
    this.#start = start
    this.#port = port
  }

  /** Installs the packages of a guide. */
  static async installed(newcomer: Newcomer, { page, title }: Guide): Promise<QuickStart> {
    const [install = ''] = textsOf('sh', page, title)
    // The first command has packed the package already.
    const [, folder] = /^mkdir (\S+)/m.exec(install) ?? []
    const [at, script] = folder
      ? [newcomer.clone, install.replace(/^npm ci.*\n/, '')]
      : [join(newcomer.folder, 'empty'), install]
    mkdirSync(at, { recursive: true })
    await newcomer.run(script.trim().replaceAll('\n', ' && '), at)
    return new QuickStart(newcomer, join(at, folder ?? '.'), commands(page, title).at(-1) ?? '', await freePort())
  }

  /** Copies and installs the starter, as its page says. */
  static async copied(newcomer: Newcomer): Promise<QuickStart> {
    const steps = commands('example/starter/README.md').slice(2)
    const folder = steps.find((step) => step.startsWith('cd '))?.slice('cd '.length) ?? ''
    await newcomer.run(steps.slice(0, -1).join(' && '), newcomer.clone)
    const app = new QuickStart(newcomer, join(newcomer.clone, folder), steps.at(-1) ?? '', await freePort())
    app.#write('server.ts', app.read('server.ts'))
    return app
  }

  /** Writes these snippets and those that continue them, and runs a guide's commands up to the start of the server. */
  async build({ page, title }: Guide, more: readonly Snippet[] = [], script = 'page.ts'): Promise<void> {
    const files = new Map<string, string>()
    for (const { file = '', text, continued } of [...snippetsOf(page, title), ...more])
      files.set(continued ?? file, continued ? files.get(continued) + text : text)
    for (const [file, text] of files) this.#write(file, text)
    const [, build = ''] = textsOf('sh', page, title)
    const steps = build.trim().split('\n').slice(0, -1)
    await this.#newcomer.run(steps.join(' && ').replace('page.ts', script), this.folder)
  }

  /** Appends a line to the page's script, and checks the types. */
  async check(script: string, line: string, command: string): Promise<void> {
    const text = this.read(script)
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
    const [program = '', ...args] = this.#start.split(' ')
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
    throw new Error(`${this.#start}: expected ${this.url}, received ${output.join('\n')}`)
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

/** The most bytes of script that a page of the README's app may load: minified, as by gzip. */
const MOST_SCRIPT = 11_000

let newcomer: Newcomer

beforeAll(async () => {
  const [, pack = ''] = commands('README.md', 'Quick start')
  newcomer = await Newcomer.arrive(pack)
}, 300_000)
afterAll(() => newcomer.leave())

const showsRows = (page: Page, count: number): Promise<unknown> =>
  page.waitForFunction(`document.querySelectorAll('li:not([hidden])').length === ${count}`)
const isPressed = (page: Page, name: string): Promise<unknown> =>
  page.waitForSelector(`[value=${name}][aria-pressed=true]`)

async function openTwo(person: Person, app: QuickStart): Promise<readonly [Page, Page]> {
  return [await person.open(app.url), await person.open(app.url)]
}

/** Chooses a division in a page, and resolves when the browser has the new cookie. */
type Choose = (pages: readonly [Page, Page], division: string) => Promise<void>

const byClient: Choose = async ([one], division) => {
  await click(one, named('button', division))
  await shows(one, '[role=status]', 'saved')
}

const byHook: Choose = async ([one, two], division) => {
  // Either tab may POST.
  const hasTicket = (answer: HTTPResponse): boolean => /"tickets":\["/.test(answer.request().postData() ?? '')
  const stored = Promise.race([one.waitForResponse(hasTicket), two.waitForResponse(hasTicket)])
  await click(one, named('button', division))
  expect((await stored).status()).toBe(200)
}

/** Plays what the README promises after its commands. */
async function sharesDivision(app: QuickStart, choose: Choose = byClient): Promise<void> {
  await app.start()
  const person = await openBrowser()
  const [one, two] = await openTwo(person, app)
  await showsRows(one, 4)
  await choose([one, two], 'Film')
  await isPressed(two, 'Film')
  await showsRows(two, 2)
  await app.kill()
  await app.start()
  await one.reload()
  await isPressed(one, 'Film')
  await showsRows(one, 2)
  await click(two, named('button', 'Design'))
  await isPressed(one, 'Design')
  await showsRows(one, 1)
  expect(person.complaints.filter((text) => !/Failed to load resource|WebSocket|ERR_/.test(text))).toEqual([])
}

/** Describes the app of a guide, with the command that checks its types. */
function describeGuide(guide: Guide, script: string, command: string, more?: (app: () => QuickStart) => void): void {
  describeInBrowser(`the app of ${guide.page}`, () => {
    let app: QuickStart
    beforeAll(async () => {
      app = await QuickStart.installed(newcomer, guide)
      await app.build(guide)
    }, 300_000)
    afterEach(() => app.kill())

    it('shares its division between tabs, over a reload and a kill', () => sharesDivision(app))

    it('has no wrong type, even after its script is bundled', async () => {
      await expect(app.check(script, '', command)).resolves.toBeUndefined()
    })

    it.each([
      ['an undeclared key', "live.get('divisoin')", `'"divisoin"' is not assignable`],
      ['an undeclared value', "live.set('division', 'Fim').catch(console.error)", `'"Fim"' is not assignable`],
    ])('finds %s by its command for types', async (_, line, problem) => {
      await expect(app.check(script, line, command)).rejects.toThrow(problem)
    })

    more?.(() => app)
  })
}

describeGuide(README, 'page.ts', 'npx tsc --noEmit', (app) => {
  it('grows by the handlers of getting started', async () => {
    await app().build(README, snippetsOf('docs/getting-started.md'))
    await app().start()
    const [one, two] = await openTwo(await openBrowser(), app())
    await is(two, 'document.title', 'Projects: 4')
    await one.keyboard.press('n')
    await is(two, 'document.title', 'Projects: 2')
    await isPressed(two, 'Film')
  })

  it('saves by the hook, in place of the client', async () => {
    await app().build(README, snippetsOf('README.md', 'Two ways for a page'), 'hook.ts')
    await sharesDivision(app(), byHook)
  })

  it('loads at most 11 kB of script in production', async () => {
    await newcomer.run('npx esbuild page.ts --bundle --minify --format=esm --outfile=page.js', app().folder)
    await app().start()
    const page = await (await openBrowser()).newPage()
    const scripts: Promise<Uint8Array>[] = []
    page.on('response', (response) => {
      if (response.request().resourceType() === 'script') scripts.push(response.buffer())
    })
    await page.goto(app().url)
    await click(page, named('button', 'Events'))
    await shows(page, '[role=status]', 'saved')
    const bytes = (await Promise.all(scripts)).map((script) => gzipSync(script).length)
    expect(bytes).toEqual([expect.any(Number)])
    expect(bytes[0]).toBeLessThanOrEqual(MOST_SCRIPT)
  })
})

describeGuide(JAVASCRIPT, 'page.mjs', 'npx tsc', (app) => {
  it('shares its division without a bundler', async () => {
    app().dropBundler()
    await app().check('page.mjs', '', 'npx tsc')
    await sharesDivision(app())
    const page = await (await openBrowser()).open(app().url)
    const sources = await page.$$eval('script[src]', (scripts) => scripts.map((script) => script.getAttribute('src')))
    expect(sources).toEqual(['/page.mjs'])
  })
})

describeInBrowser('the starter', () => {
  let starter: QuickStart
  beforeAll(async () => {
    starter = await QuickStart.copied(newcomer)
  }, 300_000)
  afterEach(() => starter.kill())

  it('shares its division between tabs, over a reload and a kill', async () => {
    await sharesDivision(starter)
    expect(starter.read('.env')).toMatch(/^SECRET=[\w-]{43}$/)
  })
})
