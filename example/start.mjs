// `npm start`: builds and serves an example, and restarts its server after a crash. The default is the big example;
// `react`, `vue`, `express` and `fastify` are small examples.
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildInto } from './build.mjs'
import { supervise } from './supervisor.mjs'

const { EXAMPLE_CACHE, PORT = '3000' } = process.env
const titles = {
  example: 'ControlManiac',
  'example/express': 'Express',
  'example/fastify': 'Fastify',
  'example/react': 'Tea',
  'example/vue': 'Reading',
}
const example = ['example', ...process.argv.slice(2)].join('/')
const folder = resolve(
  EXAMPLE_CACHE || fileURLToPath(new URL(`../.cache/${example.replace('/', '-')}`, import.meta.url)),
)
const port = Number(PORT)

if (PORT.trim() === '' || !Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error(`PORT: expected a number from 0 (any free port) to 65535, received "${PORT}".`)
  process.exit(1)
}

await mkdir(folder, { recursive: true })
await buildInto(folder, example)
supervise(join(folder, 'server.mjs'), { port, title: titles[example] })
