// A socket.io server in its own process: `main.mjs <mode> <arguments as JSON>`.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { answerBench, listening } from '../../harness/child.mjs'
import { useAdapter } from './adapters.mjs'

const [mode, text] = process.argv.slice(2)
const given = JSON.parse(text)
const { [mode]: open } = await import('./modes.mjs')
const { http, io } = await open(given)
if (given.adapter) await useAdapter(io, given.adapter, given.redis, given.prefix)

const delay = monitorEventLoopDelay({ resolution: 5 })
answerBench(await listening(http, given.port), {
  watchLoop() {
    delay.enable()
    delay.reset()
  },
  sockets: () => ({ sockets: io.engine.clientsCount }),
  /** The event loop's delay in ms, at the 99th percentile. */
  loopDelay: () => delay.percentile(99) / 1e6 - 5,
})
