import { readFileSync } from 'node:fs'
import { expect, it } from '@jest/globals'

/** bytes: a reader on a slow network sees it soon. */
const MOST = 900_000
/** ms of motion without a way to pause it (WCAG 2.2.2); readers of captions need more than five seconds. */
const LONGEST = 10_000

const [, words = '', path = ''] = /!\[([^\]]+)\]\(([^)]+\.webp)\)/.exec(readFileSync('README.md', 'utf8')) ?? []

/** Returns the number of plays and each frame's ms, of an animated WebP. */
function motionOf(picture: Buffer): { readonly plays: number; readonly frames: readonly number[] } {
  let plays = 0
  const frames: number[] = []
  for (let at = 12; at < picture.length; ) {
    const [type, size] = [picture.toString('latin1', at, at + 4), picture.readUInt32LE(at + 4)]
    if (type === 'ANIM') plays = picture.readUInt16LE(at + 12)
    if (type === 'ANMF') frames.push(picture.readUIntLE(at + 20, 3))
    at += 8 + size + (size % 2)
  }
  return { plays, frames }
}

it('README’s picture is small, and stands still within ten seconds', () => {
  const picture = readFileSync(path)
  expect(picture.length).toBeLessThanOrEqual(MOST)
  const { plays, frames } = motionOf(picture)
  expect(plays).toBeGreaterThan(0)
  expect(frames.length).toBeGreaterThan(10)
  expect(plays * frames.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(LONGEST)
})

it('README tells the picture in words', () => {
  for (const word of ['two tabs', 'lamps', 'killed', 'both tabs']) expect(words.toLowerCase()).toContain(word)
})
