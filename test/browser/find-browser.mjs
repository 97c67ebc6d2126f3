import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const INSTALLED = {
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

/** The Firefox that is driven beside it: FIREFOX_PATH, else an installed one; undefined where there is none. */
export function findFirefox() {
  const asked = process.env.FIREFOX_PATH
  if (asked && !existsSync(asked)) throw new Error(`FIREFOX_PATH=${asked} does not exist`)
  return asked || (FIREFOX[process.platform] ?? []).find((path) => existsSync(path))
}

/**
 * The Chromium that drives the browser tests: CHROME_PATH, else the one that comes with the development dependencies (Linux
 * on x64), else an installed one; undefined where there is none.
 */
export async function findBrowser(cache) {
  const asked = process.env.CHROME_PATH
  if (asked) {
    if (!existsSync(asked)) throw new Error(`CHROME_PATH=${asked} does not exist`)
    return { executablePath: asked, env: {} }
  }
  if (process.platform === 'linux' && process.arch === 'x64') {
    const bundled = await unpack(join(cache, 'chromium')).catch(() => undefined)
    if (bundled) return bundled
  }
  const executablePath = (INSTALLED[process.platform] ?? []).find((path) => existsSync(path))
  return executablePath && { executablePath, env: {} }
}

/** The package unpacks into the folder for temporary files, and its libraries only where it thinks it is in a cloud. */
async function unpack(folder) {
  mkdirSync(folder, { recursive: true })
  const before = { ...process.env }
  Object.assign(process.env, { TMPDIR: folder, AWS_LAMBDA_JS_RUNTIME: 'nodejs20.x' })
  try {
    const { default: chromium } = await import('@sparticuz/chromium')
    const executablePath = await chromium.executablePath()
    const libraries = [join(folder, 'al2023/lib'), before.LD_LIBRARY_PATH].filter(Boolean).join(':')
    return { executablePath, env: { LD_LIBRARY_PATH: libraries, FONTCONFIG_FILE: describeFonts(folder) } }
  } finally {
    for (const name of ['TMPDIR', 'AWS_LAMBDA_JS_RUNTIME', 'LD_LIBRARY_PATH', 'FONTCONFIG_PATH']) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
  }
}

/** The package's own description looks for its fonts where this machine has none; without any, all text is 0 pixels high. */
function describeFonts(folder) {
  const file = join(folder, 'own-fonts.conf')
  const folders = [join(folder, 'fonts'), '/usr/share/fonts'].map((path) => `<dir>${path}</dir>`).join('')
  writeFileSync(file, `<fontconfig>${folders}<cachedir>${join(folder, 'fonts-cache')}</cachedir></fontconfig>`)
  return file
}
