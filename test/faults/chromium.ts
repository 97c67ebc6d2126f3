import { type Browser, chromium } from 'playwright-core'
import { chromiums } from '../browser/find-browser.mjs'

export async function launchChromium(): Promise<Browser> {
  const [find] = chromiums()
  if (!find) throw new Error('no Chromium is installed: apt-get install -y chromium')
  const { executablePath, env } = await find()
  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking']
  return chromium.launch({ executablePath, env: { ...process.env, ...env }, args })
}
