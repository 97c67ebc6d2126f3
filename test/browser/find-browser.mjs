import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isBare } from '../support/scope.mjs'
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

/**
 * How to get at each Chromium that may drive the tests, the best first: CHROME_PATH alone, else the one that comes with the
 * development dependencies (Linux on x64), then those that are installed.
 */
export function chromiums() {
  const found = installed(process.env.CHROME_PATH, CHROMIUM).map((executablePath) => async () => {
    return { executablePath, env: {}, isBundled: false }
  })
  const hasBundled = process.platform === 'linux' && process.arch === 'x64' && (isBare || !process.env.CHROME_PATH)
  return hasBundled ? [unpack, ...found] : found
}

/** Where a Firefox may be: FIREFOX_PATH alone, else those that are installed. */
export function firefoxes() {
  return installed(process.env.FIREFOX_PATH, FIREFOX)
}

function installed(asked, paths) {
  if (isBare) return []
  return asked ? [asked] : (paths[process.platform] ?? []).filter((path) => existsSync(path))
}
