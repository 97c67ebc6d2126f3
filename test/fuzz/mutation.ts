import type { Dice } from './dice.js'

/** Changes a text at a random position. */
export function mutateText(dice: Dice, text: string, odd: () => string): string {
  const at = dice.below(text.length + 1)
  const to = Math.min(text.length, at + 1 + dice.below(4))
  return dice.one(
    [4, () => text.slice(0, at) + odd() + text.slice(at + 1)],
    [2, () => text.slice(0, at) + odd() + text.slice(at)],
    [2, () => text.slice(0, at) + text.slice(to)],
    [1, () => text.slice(0, at)],
    [1, () => text.slice(at)],
    [1, () => text.slice(0, to) + text.slice(at)],
    [1, () => text.slice(at) + text.slice(0, at)],
    [1, () => flipCase(text, at)],
  )
}

function flipCase(text: string, at: number): string {
  const unit = text.charAt(at)
  const flipped = unit === unit.toLowerCase() ? unit.toUpperCase() : unit.toLowerCase()
  return text.slice(0, at) + flipped + text.slice(at + 1)
}

/** Changes up to three bytes. */
export function mutateBytes(dice: Dice, bytes: Buffer): Buffer {
  let mutated: Buffer = Buffer.from(bytes)
  for (let left = 1 + dice.below(3); left > 0; left -= 1) {
    const at = dice.below(mutated.length + 1)
    mutated = dice.one(
      [4, () => flipBit(dice, mutated, at)],
      [2, () => Buffer.concat([mutated.subarray(0, at), dice.bytes(1 + dice.below(4)), mutated.subarray(at)])],
      [1, () => mutated.subarray(0, at)],
      [1, () => mutated.subarray(at)],
      [1, () => Buffer.concat([mutated, mutated.subarray(at)])],
    )
  }
  return mutated
}

function flipBit(dice: Dice, bytes: Buffer, at: number): Buffer {
  const flipped = Buffer.from(bytes)
  if (at < flipped.length) flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << dice.below(8)), at)
  return flipped
}

/** Replaces, drops, doubles, wraps or renames a part of a JSON value. */
export function mutateJson(dice: Dice, value: unknown, odd: () => unknown): unknown {
  const isBranch = typeof value === 'object' && value !== null && Object.keys(value).length > 0
  if (!isBranch || dice.chance(0.15)) {
    return dice.one<unknown>([4, odd], [1, () => [value]], [1, () => ({ value })], [1, () => String(value)])
  }
  if (Array.isArray(value)) return mutateList(dice, value, odd)
  const members = Object.entries(value)
  const [key, member] = dice.pick(members)
  const others = members.filter(([name]) => name !== key)
  const changed = dice.one<[string, unknown][]>(
    [6, () => [...others, [key, mutateJson(dice, member, odd)]]],
    [1, () => others],
    [1, () => [...members, [String(odd()), odd()]]],
    [1, () => [...others, [mutateText(dice, key, () => '_'), member]]],
  )
  return Object.fromEntries(changed)
}

function mutateList(dice: Dice, list: readonly unknown[], odd: () => unknown): unknown {
  const at = dice.below(list.length)
  return dice.one<unknown>(
    [6, () => list.with(at, mutateJson(dice, list[at], odd))],
    [1, () => list.toSpliced(at, 1)],
    [1, () => list.toSpliced(at, 0, list[at])],
    [1, () => list.toSpliced(at, 0, odd())],
    [1, () => [...list].reverse()],
    [1, () => Object.fromEntries(Object.entries(list))],
  )
}

const NUMBERS = ['1'.repeat(400), ...'-0 1e999 -1e999 1e-999 9007199254740993 0x1 01 NaN 1.5 -1 1E2'.split(' ')]
const STRINGS = [
  ...String.raw`"\ud800" "\udc00x" "\u0000" "__proto__" 'x' " "\x"`.split(' '),
  '"\ud83d\ude00"',
  '"\u2028"',
]
const MEMBERS = '"__proto__":{"polluted":1}, "constructor":{"prototype":{"polluted":1}}, "set":[], "":1, ,'.split(' ')

/** Changes JSON text: `-0`, infinities, lone surrogates, duplicate members, broken syntax. */
export function mutateJsonText(dice: Dice, json: string): string {
  const swap = (token: RegExp, by: () => string): string => {
    const found = [...json.matchAll(token)]
    if (found.length === 0) return json + by()
    const { index, 0: text } = dice.pick(found)
    return json.slice(0, index) + by() + json.slice(index + text.length)
  }
  return dice.one(
    [4, () => swap(/-?\d+/g, () => dice.pick(NUMBERS))],
    [3, () => swap(/"[^"]*"/g, () => dice.pick(STRINGS))],
    [2, () => swap(/\{/g, () => `{${dice.pick(MEMBERS)}`)],
    [1, () => swap(/[[\]{},:]/g, () => dice.pick(['[', ']', '{', '}', ',', ':', ' ', '\n', '\ufeff', '/**/']))],
    [1, () => `\ufeff${json}`],
    [1, () => json + json],
  )
}
