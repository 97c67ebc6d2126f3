import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isBare } from '../runner/scope.mjs'
import { unpack } from './bundled-chromium.mjs'

const CHROMIUM = {
  linux: ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/usr/bin/google-chrome-stable'],
  darwin: [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ],
  win32: ['PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA'].map((name) =>
    join(process.env[name] ?? '', 'Google/Chrome/Application/chrome.exe'),
  ),
}

const FIREFOX = {
  linux: ['/usr/bin/firefox-esr', '/usr/bin/firefox'],
  darwin: ['/Applications/Firefox.app/Contents/MacOS/firefox'],
  win32: ['PROGRAMFILES', 'PROGRAMFILES(X86)'].map((name) =>
    join(process.env[name] ?? '', 'Mozilla Firefox/firefox.exe'),
  ),
}

/** Driven over a pipe, Chromium ends with the process that started it. Over http, hosts of `.example` are no secure contexts, unlike localhost. */
const OPTIONS = {
  pipe: true,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--disable-component-update',
    '--host-resolver-rules=MAP *.example 127.0.0.1',
  ],
}

/**
 * Returns functions that resolve with options of puppeteer's `launch`: for CHROME_PATH, or for the bundled and
 * the installed browsers.
 */
export function chromiums() {
  const found = installed(process.env.CHROME_PATH, CHROMIUM).map((executablePath) => async () => {
    return { ...OPTIONS, executablePath }
  })
  const hasBundled = process.platform === 'linux' && process.arch === 'x64' && (isBare || !process.env.CHROME_PATH)
  return hasBundled ? [bundled, ...found] : found
}

/** Puppeteer calls Chromium without a window a shell. */
async function bundled() {
  const { executablePath, env } = await unpack()
  return { ...OPTIONS, executablePath, headless: 'shell', env: { ...process.env, ...env } }
}

/** Returns the same functions for Firefox: for FIREFOX_PATH, or for the installed browsers. */
export function firefoxes() {
  const found = installed(process.env.FIREFOX_PATH, FIREFOX)
  return found.map((executablePath) => async () => ({ browser: 'firefox', executablePath }))
}

function installed(asked, paths) {
  if (isBare) return []
  return asked ? [asked] : (paths[process.platform] ?? []).filter((path) => existsSync(path))
}
