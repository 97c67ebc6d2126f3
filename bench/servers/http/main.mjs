// An HTTP server in its own process: `main.mjs <file> <export> <arguments as JSON>`.
import { createServer } from 'node:http'
import { answerBench, listening, usage } from '../../harness/child.mjs'
import { timeRequests } from '../../harness/in-process.mjs'

const [file, name, given = '{}'] = process.argv.slice(2)
const modes = await import(`./${file}.mjs`)
const listener = await modes[name](JSON.parse(given))
const http = createServer({ keepAliveTimeout: 600_000 }, listener)

let stop
answerBench(await listening(http), {
  begin() {
    stop = listener.during?.()
    return usage()
  },
  end() {
    stop?.()
    return usage()
  },
  inProcess: ({ cookies, count }) => timeRequests(listener, cookies, count),
})
