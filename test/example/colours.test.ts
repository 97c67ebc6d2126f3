import { readFileSync } from 'node:fs'
import { expect, it } from '@jest/globals'

const css = readFileSync(new URL('../../example/styles/tokens.css', import.meta.url), 'utf8')
const tokens = new Map(
  [...css.matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)].map(([, name = '', light = '', dark = '']) => {
    return [name, [light, dark] as const]
  }),
)

// WCAG 2.2: 4.5 for text, 3 for what is drawn.
const pairs = [
  ...['surface', 'canvas', 'sunken', 'accent-soft'].flatMap((back) => [
    ['ink', back, 4.5] as const,
    ['muted', back, 4.5] as const,
    ['accent', back, 4.5] as const,
  ]),
  ...['surface', 'canvas'].flatMap((back) => [
    ['good', back, 4.5] as const,
    ['warn', back, 4.5] as const,
    ['bad', back, 4.5] as const,
  ]),
  ...[1, 2, 3, 4].map((series) => [`series-${series}`, 'surface', 3] as const),
]

it.each(pairs)('%s contrasts with %s in light and dark', (front, back, least) => {
  for (const scheme of [0, 1] as const) {
    expect(contrast(colour(front, scheme), colour(back, scheme))).toBeGreaterThanOrEqual(least)
  }
})

function colour(name: string, scheme: 0 | 1): string {
  const found = tokens.get(name)
  if (!found) throw new Error(`no colour --${name}`)
  return found[scheme]
}

function contrast(one: string, other: string): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (lighter + 0.05) / (darker + 0.05)
}

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
