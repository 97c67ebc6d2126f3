// Makes the README's animated picture, docs/example.png: two tabs of the example app, and the way of a change, 20 times slower than it is.
// `npx tsx scripts/picture.mjs`, with CHROME_PATH if Chromium is elsewhere. An animated PNG contains the data of its frames in other
// chunks, so nothing has to be encoded.
import { writeFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { chromium } from 'playwright-core'
import { Example } from '../test/support/example.ts'

const WINDOW = { width: 960, height: 560 }
const SIGNATURE = 8

const example = await Example.start()
const browser = await chromium.launch({ executablePath: process.env.CHROME_PATH ?? '/usr/bin/chromium' })
try {
  writeFileSync('docs/example.png', animated(await frames()))
} finally {
  await browser.close()
  await example.stop()
}

/** Returns the frames, and for how many ms each is shown. The first is also what is seen where nothing moves. */
async function frames() {
  const context = await browser.newContext({ viewport: WINDOW, colorScheme: 'light' })
  const page = await context.newPage()
  await page.goto(`${example.url}/two`)
  const [left, right] = [page.frameLocator('iframe >> nth=0'), page.frameLocator('iframe >> nth=1')]
  const choose = (tab, division) => tab.getByRole('radio', { name: division, exact: true }).check({ force: true })
  const both = (division) =>
    Promise.all([left, right].map((tab) => tab.locator('.view-heading', { hasText: division }).waitFor()))
  const lit = (station) => left.locator(`[data-station=${station}][data-lit=true]`).waitFor()
  const show = async (caption, ms) => ({ png: await captioned(await page.screenshot(), caption), ms })

  for (const tab of [left, right]) await tab.locator('#connection[data-state=connected]').waitFor()
  await left.locator('.hood summary').click()
  await left.getByRole('radio', { name: '20x slower' }).check()
  const shown = []
  await choose(left, 'Film')
  await both('Film')
  await lit('post')
  shown.push(await show('Film is chosen on the left. The right tab follows, while the change goes to the cookie', 1800))
  shown.push(await show('Film is chosen on the left. The right tab follows, while the change goes to the cookie', 400))
  await lit('cookie')
  shown.push(await show('The cookie has it: saved', 1800))
  await left.getByRole('radio', { name: '1x', exact: true }).check()
  await left.getByRole('button', { name: /^End here/ }).click()
  await left.getByText('before the cookie does').waitFor()
  await choose(left, 'Design')
  await left.locator('#connection:not([data-state=connected])').waitFor()
  shown.push(await show('The server is killed before the cookie has the next choice', 2200))
  await left.locator('#hood').getByText('Server ended before').waitFor({ timeout: 60_000 })
  await both('Design')
  await lit('cookie')
  shown.push(await show('It is back: the page has brought the choice again, and no click is lost', 3200))
  return shown
}

/** Returns a picture with a caption above it. */
async function captioned(png, caption) {
  const page = await browser.newPage({ viewport: { width: WINDOW.width, height: WINDOW.height + 48 } })
  await page.setContent(`<style>
    body { margin: 0; background: #d9dcd8; font: 600 18px/48px system-ui, sans-serif; text-align: center; color: #14201c }
    img { display: block }
  </style>${caption}<img src="data:image/png;base64,${png.toString('base64')}">`)
  const whole = await page.screenshot()
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
