import { freezeJson } from '../../shared/json.js'
import { Replica } from '../../shared/replica.js'
import { toStamp } from '../../shared/stamp.js'

// Runs in its own process with `--expose-gc`, because V8 would otherwise free other tests' objects during the measurement.
const BYTES = 4_000_000

/** Makes values of three shapes; in two of them, each value has keys of its own. */
const SHAPES: Readonly<Record<string, (index: number) => object>> = {
  '830 keys': (index) => Object.fromEntries(Array.from({ length: 830 }, (_, at) => [`k${index}_${at}`, at])),
  'eight keys': (index) => Object.fromEntries(Array.from({ length: 8 }, (_, at) => [`k${index}_${at}`, at])),
  'a hundred objects with a large index': () => Array.from({ length: 100 }, () => ({ 300: 1 })),
}

/** Returns the bytes on the heap for each byte counted by the library, in values of this shape. */
function taken(make: (index: number) => object): number {
  const { bytes } = Replica.of([{ key: 'a', stamp: toStamp(1), value: freezeJson(make(1000)) }], 'request')
  const texts = Array.from({ length: Math.ceil(BYTES / bytes) }, (_, at) => JSON.stringify(make(1000 + at)))
  const before = used()
  const values = texts.map((text) => freezeJson(JSON.parse(text)))
  return (used() - before) / values.length / bytes
}

function used(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

// The first use compiles and fills caches, so its result does not count.
for (const make of Object.values(SHAPES)) taken(make)
process.stdout.write(JSON.stringify(Object.entries(SHAPES).map(([shape, make]) => [shape, taken(make)])))
