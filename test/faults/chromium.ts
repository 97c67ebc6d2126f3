import { type Browser, launch } from 'puppeteer-core'
import { chromiums } from '../browser/find-browser.mjs'

export async function launchChromium(): Promise<Browser> {
  const [find] = chromiums()
  if (!find) throw new Error('no Chromium is installed: apt-get install -y chromium')
  return launch(await find())
}
