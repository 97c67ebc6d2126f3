// Makes the README's animated picture, docs/example.webp: two tabs of the example app, and the trip of a change, slowed down by 20. Run it
// by `npx tsx scripts/picture.mjs`, with img2webp (Debian: webp), and CHROME_PATH for another Chromium.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { launch } from 'puppeteer-core'
import { chromiums } from '../test/browser/find-browser.mjs'
import { Example } from '../test/support/servers/example.ts'

const WINDOW = { width: 960, height: 560, deviceScaleFactor: 2 }
const CAPTION = 48
/** Two plays of less than five seconds each: readers see all of it, and it stands still after ten seconds. */
const PLAYS = '2'
const STEP = 80

const folder = mkdtempSync(join(tmpdir(), 'picture-'))
const example = await Example.start()
const [find] = chromiums()
if (!find) throw new Error('no Chromium was found: set CHROME_PATH')
const browser = await launch({ ...(await find()), defaultViewport: WINDOW })
try {
  const frames = []
  for (const [index, { png, ms }] of (await captioned(await shots())).entries()) {
    const file = join(folder, `${index}.png`)
    writeFileSync(file, png)
    frames.push('-d', String(ms), file)
  }
  const each = ['-lossless', '-m', '6']
  execFileSync('img2webp', ['-min_size', '-loop', PLAYS, ...each, ...frames, '-o', 'docs/example.webp'])
} finally {
  await browser.close()
  await example.stop()
  rmSync(folder, { recursive: true })
}

/** Returns screenshots, each with its caption, duration in ms and the place of the pointer. The last one stays. */
async function shots() {
  const page = await browser.newPage()
  // The slow replay takes long on a slow machine.
  page.setDefaultTimeout(180_000)
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }])
  await page.goto(`${example.url}/two`)
  const iframes = await page.$$('iframe')
  const [left, right] = await Promise.all(iframes.map((iframe) => iframe.contentFrame()))
  const find = (name, role) => left.waitForSelector(`::-p-aria([name="${name}"][role="${role}"])`)
  const press = async (name, role) => (await find(name, role)).evaluate((element) => element.click())
  const middle = async (name) => {
    const { x, y, width, height } = await (await find(name, 'radio')).boundingBox()
    return [x + width / 2, y + height / 2]
  }
  const shows = (tab, division) =>
    tab.waitForFunction(`document.querySelector('.view-heading').textContent.includes('${division}')`)
  const both = (division) => Promise.all([left, right].map((tab) => shows(tab, division)))
  const connected = (tab) => tab.waitForSelector('#connection[data-state=connected]')

  const all = []
  let pointer = [300, 300]
  const take = async (caption, ms) =>
    all.push({ png: await page.screenshot({ encoding: 'base64' }), caption, ms, pointer })
  /** Moves the pointer in four steps, and chooses. */
  const choose = async (division, caption) => {
    const [from, to] = [pointer, await middle(division)]
    for (const part of [0.3, 0.6, 0.85, 1]) {
      pointer = [from[0] + (to[0] - from[0]) * part, from[1] + (to[1] - from[1]) * part]
      await take(caption, STEP)
    }
    await press(division, 'radio')
  }
  /** Takes screenshots until the cookie has the change, and keeps `count` of them. */
  const follow = async (caption, count) => {
    const first = all.length
    while (!(await left.$('[data-station=cookie][data-lit=true]'))) await take(caption, STEP)
    const taken = all.splice(first)
    for (let at = 0; at < count; at += 1) all.push(taken[Math.floor((at * taken.length) / count)])
  }

  for (const tab of [left, right]) await connected(tab)
  await left.locator('.hood summary').click()
  await left.waitForSelector('[name=slowness]')
  await press('20x slower', 'radio')
  const film = 'Film is chosen on the left. The right tab follows, and lamps show its way.'
  await take('Two tabs of a visitor. Nothing is chosen yet.', 240)
  await choose('Film', film)
  await both('Film')
  await follow(film, 15)
  await take(film, 560)

  await press('1x', 'radio')
  await left.locator('[data-station=ticket] .button').click()
  await left.waitForFunction("document.querySelector('.news').textContent.includes('before the cookie does')")
  const killed = 'The server is killed before the cookie has the next choice.'
  await choose('Design', killed)
  await left.waitForSelector('#connection:not([data-state=connected])')
  await take(killed, 960)
  const back = 'The server is back. Both tabs are still right, and no click is lost.'
  await follow(back, 4)
  await both('Design')
  for (const tab of [left, right]) await connected(tab)
  await left.waitForFunction("document.querySelector('.news').textContent.includes('Server ended before')")
  await take(back, 1040)
  await page.close()
  return all
}

/** Returns pictures with their captions above, and the pointer. */
async function captioned(all) {
  const page = await browser.newPage()
  await page.setViewport({ ...WINDOW, height: WINDOW.height + CAPTION })
  await page.setContent(`<style>
    body { margin: 0; background: #14201c; font: 600 19px/${CAPTION}px system-ui, sans-serif; text-align: center; color: #fff }
    img { display: block; width: ${WINDOW.width}px }
    svg { position: absolute; stroke: #fff; stroke-width: 1.5 }
  </style><div></div><img><svg width="18" height="26"><path d="M1 1V21L6 16.5 9.5 24 13 22.5 9.5 15H16Z"/></svg>`)
  const drawn = []
  for (const { png, caption, pointer, ms } of all) {
    await page.evaluate(draw, `data:image/png;base64,${png}`, caption, [pointer[0], pointer[1] + CAPTION])
    drawn.push({ png: await page.screenshot(), ms })
  }
  return drawn
}

/** In the browser. */
function draw(src, caption, [left, top]) {
  const [div, image, svg] = document.body.children
  div.textContent = caption
  Object.assign(svg.style, { left: `${left}px`, top: `${top}px` })
  image.src = src
  return image.decode()
}
