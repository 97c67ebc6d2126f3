// Makes the README's animated picture, docs/example.png: two tabs of the example app. `npx tsx scripts/picture.mjs`, with CHROME_PATH
// if Chromium is elsewhere. An animated PNG contains the data of its frames in other chunks, so nothing has to be encoded.
import { writeFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { chromium } from 'playwright-core'
import { Example } from '../test/support/example.ts'
import { Studio } from '../test/support/studio.ts'

const TAB = { width: 620, height: 480 }
const SIGNATURE = 8

const example = await Example.start()
const browser = await chromium.launch({ executablePath: process.env.CHROME_PATH ?? '/usr/bin/chromium' })
try {
  writeFileSync('docs/example.png', animated(await frames()))
} finally {
  await browser.close()
  await example.stop()
}

/** Returns the frames, and for how many ms each is shown. */
async function frames() {
  const context = await browser.newContext({ viewport: TAB, colorScheme: 'light' })
  const [left, right] = [await Studio.open(context, example.url), await Studio.open(context, `${example.url}/costs`)]
  await Promise.all([left.isConnected(), right.isConnected()])
  const both = async (division) => {
    await Promise.all([left.shows('Home', division), right.shows('Costs', division), left.hasSaved()])
  }
  const show = async (caption, ms) => ({ png: await beside([left, right], caption), ms })

  const shown = [await show('Two tabs of one visitor', 1500)]
  await left.pick('Film')
  await both('Film')
  shown.push(await show('Film is chosen on the left: the right follows', 2500))
  await right.page.reload()
  await right.isConnected()
  await both('Film')
  shown.push(await show('The right is loaded again: it is in the first HTML', 2500))
  await example.kill()
  await Promise.all([left.isConnected(), right.isConnected()])
  await right.pick('Design')
  await both('Design')
  shown.push(await show('The server was killed and is back, and Design is chosen on the right', 3500))
  return shown
}

/** Returns both tabs side by side as one picture. */
async function beside(studios, caption) {
  const tabs = await Promise.all(studios.map(({ page }) => page.screenshot({ animations: 'disabled' })))
  const images = tabs.map((png) => `<img src="data:image/png;base64,${png.toString('base64')}">`)
  const page = await browser.newPage({ viewport: { width: 2 * TAB.width + 36, height: TAB.height + 72 } })
  await page.setContent(`<style>
    body { margin: 0; background: #d9dcd8; font: 600 20px/48px system-ui, sans-serif; text-align: center; color: #14201c }
    div { display: flex; gap: 12px; padding: 0 12px } img { border-radius: 8px }
  </style>${caption}<div>${images.join('')}</div>`)
  const png = await page.screenshot()
  await page.close()
  return png
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
