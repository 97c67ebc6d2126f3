import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { PAGE, withMap } from '../../scripts/map.mjs'
import { weighRooms } from '../../scripts/rooms.mjs'

const page = readFileSync(PAGE, 'utf8')
const quoted = (text: string): readonly string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, quote = '']) => quote)

function isThere(path: string): boolean {
  return ['', '.ts', '.tsx'].some((ending) => existsSync(path + ending))
}

describe(PAGE, () => {
  it('has the rooms that there are', () => {
    const rooms = [...page.matchAll(/^\*\*`([\w/-]+)\/`\*\*/gm)].map(([, room]) => room)
    expect(rooms.sort()).toEqual(Object.keys(weighRooms('.')))
  })

  it('says of each file what it says of itself', () => {
    // If this fails: npm run map.
    expect(withMap(page, '.')).toBe(page)
  })

  it('names paths in its flows that there are', () => {
    const paths = quoted(page.slice(page.indexOf('\n## How things flow'))).filter((text) =>
      /^[\w-]+(\/[\w-]+)+$/.test(text),
    )
    expect(paths.length).toBeGreaterThan(10)
    expect(
      paths.filter((path) => !['', 'server/kernel/', 'server/parts/', 'client/'].some((root) => isThere(root + path))),
    ).toEqual([])
  })

  it('links to what there is', () => {
    const links = [...page.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, link = '']) => link)
    expect(links.filter((link) => !existsSync(`docs/${link}`))).toEqual([])
  })
})
