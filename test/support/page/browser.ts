import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach } from '@jest/globals'
import {
  type Browser,
  type BrowserContext,
  type LaunchOptions,
  launch,
  type MediaFeature,
  type Page,
  type Viewport,
} from 'puppeteer-core'
import { isAll } from '../../runner/scope.mjs'
import { describeWith } from '../app/describe-with.js'

/** Only `npm run test:all` adds Firefox, which would double the time and differs little. */
export const BROWSERS: readonly string[] = isAll ? ['Chromium', 'Firefox'] : ['Chromium']

export const describeInBrowser = (title: string, run: () => void): void => describeWith('Chromium', title, run)

/** Differences from a newly installed browser. */
export interface Conditions {
  /** @default 'Chromium' */
  readonly name?: string
  /** Runs in each page before its own scripts. */
  readonly script?: string
  /** Whether pages may run scripts. @default true */
  readonly hasScripts?: boolean
  /** @default true */
  readonly hasCookies?: boolean
  /** @default reduced motion, except in Firefox */
  readonly media?: readonly MediaFeature[]
  /** The address of a server that answers for every host. */
  readonly proxyServer?: string
  readonly viewport?: Viewport
}

/** Without timeouts of its own: if something hangs, the test times out. */
const COMMON: LaunchOptions = {
  timeout: 0,
  protocolTimeout: 0,
  acceptInsecureCerts: true,
  defaultViewport: { width: 1280, height: 720 },
}

/** Animations cost most of a page's CPU time. */
const STILL: readonly MediaFeature[] = [{ name: 'prefers-reduced-motion', value: 'reduce' }]

const browsers = new Map<string, Promise<Browser>>()
const people: Person[] = []
afterEach(async () => {
  for (const person of people.splice(0)) await person.close()
})
afterAll(async () => {
  for (const browser of browsers.values()) await (await browser).close()
})

/** A visitor's browser: its own cookies and storage, until the test ends. */
export class Person {
  readonly context: BrowserContext
  /** Errors in the consoles of all pages: thrown errors, policy violations, failed requests. */
  readonly errors: string[] = []
  readonly warnings: string[] = []
  readonly #conditions: Conditions
  readonly #end: () => Promise<void>
  #ending: Promise<void> | undefined

  constructor(context: BrowserContext, conditions: Conditions, end: () => Promise<void>) {
    this.context = context
    this.#conditions = conditions
    this.#end = end
  }

  get complaints(): readonly string[] {
    return [...this.errors, ...this.warnings]
  }

  async newPage(): Promise<Page> {
    const {
      name,
      script,
      hasScripts = true,
      media = name === 'Firefox' ? undefined : STILL,
      viewport,
    } = this.#conditions
    const page = await this.context.newPage()
    // Draws each tab as if in front, except in Firefox.
    if (name !== 'Firefox') await page.emulateFocusedPage(true)
    this.#watch(page)
    if (script !== undefined) await page.evaluateOnNewDocument(script)
    if (!hasScripts) await page.setJavaScriptEnabled(false)
    if (media) await page.emulateMediaFeatures([...media])
    if (viewport) await page.setViewport(viewport)
    return page
  }

  async open(url: string): Promise<Page> {
    const page = await this.newPage()
    await page.goto(url)
    return page
  }

  async cookie(name: string): Promise<string | undefined> {
    return (await this.context.cookies()).find((cookie) => cookie.name === name)?.value
  }

  async clearCookies(): Promise<void> {
    await this.context.deleteCookie(...(await this.context.cookies()))
  }

  async close(): Promise<void> {
    this.#ending ??= this.#end()
    await this.#ending
  }

  #watch(page: Page): void {
    page.setDefaultTimeout(0)
    page.on('pageerror', (error) => this.errors.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text())
      if (/^warn/.test(message.type())) this.warnings.push(message.text())
    })
    page.on('popup', (opened) => {
      if (opened) this.#watch(opened)
    })
  }
}

export async function openBrowser(conditions: Conditions = {}): Promise<Person> {
  const { hasCookies = true } = conditions
  const person = await (hasCookies ? openContext(conditions) : openWithoutCookies(conditions))
  people.push(person)
  return person
}

/** All tests of a file share a browser. */
async function openContext(conditions: Conditions): Promise<Person> {
  const { name = 'Chromium', proxyServer } = conditions
  const starting = browsers.get(name) ?? start(name)
  browsers.set(name, starting)
  const context = await (await starting).createBrowserContext(proxyServer === undefined ? {} : { proxyServer })
  return new Person(context, conditions, () => context.close())
}

/** Blocks cookies for a whole profile, in the settings, as people do. */
async function openWithoutCookies(conditions: Conditions): Promise<Person> {
  const { name = 'Chromium' } = conditions
  const folder = await mkdtemp(join(tmpdir(), 'no-cookies-'))
  await mkdir(join(folder, 'Default'))
  const settings = { profile: { default_content_setting_values: { cookies: 2 } } }
  await writeFile(join(folder, 'Default/Preferences'), JSON.stringify(settings))
  const browser = await start(name, { userDataDir: folder, extraPrefsFirefox: { 'network.cookie.cookieBehavior': 2 } })
  return new Person(browser.defaultBrowserContext(), conditions, async () => {
    await browser.close()
    await rm(folder, { recursive: true, force: true })
  })
}

function start(name: string, more: LaunchOptions = {}): Promise<Browser> {
  const found: LaunchOptions = JSON.parse(process.env[`${name.toUpperCase()}_OPTIONS`] ?? '{}')
  // The back/forward cache is off by default in a driven browser, and on for people.
  const extraPrefsFirefox = { 'fission.bfcacheInParent': true, ...more.extraPrefsFirefox }
  return launch({ ...COMMON, ...found, ...more, extraPrefsFirefox })
}
