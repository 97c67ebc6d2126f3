// Makes the README's animated picture, docs/example.png: two tabs of the example app, and the trip of a change, slowed down by 20. Run it
// by `npx tsx scripts/picture.mjs`, with CHROME_PATH for another Chromium. An animated PNG only wraps the data of its frames in other
// chunks, so no encoder is needed.
import { writeFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { launch } from 'puppeteer-core'
import { chromiums } from '../test/browser/find-browser.mjs'
import { Example } from '../test/support/servers/example.ts'

const WINDOW = { width: 960, height: 560 }
const SIGNATURE = 8

const example = await Example.start()
const [find] = chromiums()
if (!find) throw new Error('no Chromium was found: set CHROME_PATH')
const browser = await launch({ ...(await find()), defaultViewport: WINDOW })
try {
  writeFileSync('docs/example.png', animated(await frames()))
} finally {
  await browser.close()
  await example.stop()
}

/** Returns the frames, each with its duration in ms. The first is also the still picture for viewers without animation. */
async function frames() {
  const page = await browser.newPage()
  // The slow replay takes long on a slow machine.
  page.setDefaultTimeout(180_000)
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }])
  await page.goto(`${example.url}/two`)
  const iframes = await page.$$('iframe')
  const [left, right] = await Promise.all(iframes.map((iframe) => iframe.contentFrame()))
  const pick = (tab, name) => tab.$eval(`::-p-aria([name="${name}"][role="radio"])`, (radio) => radio.click())
  const says = (tab, selector, text) =>
    tab.waitForFunction(`document.querySelector('${selector}').textContent.includes('${text}')`)
  const both = (division) => Promise.all([left, right].map((tab) => says(tab, '.view-heading', division)))
  const lit = (station) => left.waitForSelector(`[data-station=${station}][data-lit=true]`)
  const show = async (caption, ms) => ({ png: await captioned(await page.screenshot(), caption), ms })

  for (const tab of [left, right]) await tab.waitForSelector('#connection[data-state=connected]')
  await left.locator('.hood summary').click()
  await left.waitForSelector('[name=slowness]')
  await pick(left, '20x slower')
  const shown = []
  await pick(left, 'Film')
  await both('Film')
  await lit('post')
  shown.push(await show('Film is chosen on the left. The right tab follows, while the change goes to the cookie', 1800))
  shown.push(await show('Film is chosen on the left. The right tab follows, while the change goes to the cookie', 400))
  await lit('cookie')
  shown.push(await show('The cookie has it: saved', 1800))
  await pick(left, '1x')
  await left.locator('[aria-label^="End here"]').click()
  await says(left, '.news', 'before the cookie does')
  await pick(left, 'Design')
  await left.waitForSelector('#connection:not([data-state=connected])')
  shown.push(await show('The server is killed before the cookie has the next choice', 2200))
  await says(left, '.news', 'Server ended before')
  await both('Design')
  await lit('cookie')
  shown.push(await show('It is back: the page has brought the choice again, and no click is lost', 3200))
  return shown
}

/** Returns a picture with a caption above. */
async function captioned(png, caption) {
  const page = await browser.newPage()
  await page.setViewport({ ...WINDOW, height: WINDOW.height + 48 })
  await page.setContent(`<style>
    body { margin: 0; background: #d9dcd8; font: 600 18px/48px system-ui, sans-serif; text-align: center; color: #14201c }
    img { display: block }
  </style>${caption}<img src="data:image/png;base64,${Buffer.from(png).toString('base64')}">`)
  const whole = Buffer.from(await page.screenshot())
  await page.close()
  return whole
}

/** Returns an animated PNG, as specified in the third edition of the PNG specification. */
function animated(frames) {
  const [first] = frames
  const header = chunksOf(first.png).find(({ type }) => type === 'IHDR').data
  const count = Buffer.alloc(8)
  count.writeUInt32BE(frames.length)
  let sequence = 0
  const parts = frames.flatMap(({ png, ms }, index) => {
    const control = Buffer.alloc(26)
    control.writeUInt32BE(sequence++)
    header.copy(control, 4, 0, 8)
    control.writeUInt16BE(ms, 20)
    control.writeUInt16BE(1000, 22)
    const data = Buffer.concat(chunksOf(png).flatMap(({ type, data }) => (type === 'IDAT' ? [data] : [])))
    if (index === 0) return [chunk('fcTL', control), chunk('IDAT', data)]
    const number = Buffer.alloc(4)
    number.writeUInt32BE(sequence++)
    return [chunk('fcTL', control), chunk('fdAT', Buffer.concat([number, data]))]
  })
  const [ihdr, actl, end] = [chunk('IHDR', header), chunk('acTL', count), chunk('IEND', Buffer.alloc(0))]
  return Buffer.concat([first.png.subarray(0, SIGNATURE), ihdr, actl, ...parts, end])
}

function chunksOf(png) {
  const chunks = []
  for (let at = SIGNATURE; at < png.length; ) {
    const length = png.readUInt32BE(at)
    chunks.push({ type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) })
    at += length + 12
  }
  return chunks
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  check.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, check])
}
