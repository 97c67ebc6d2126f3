// Keep-alive connections, each sending the next request right after a response. The connections do less work than any server, so the
// server is the bottleneck.
import { connect } from 'node:net'
import { sleep } from './statistics.mjs'

const CONNECTIONS = 64
const OK = 'HTTP/1.1 200'
const LAST_CHUNK = '0\r\n\r\n'

/** Visitors take turns; each has a fixed connection. */
export async function openLoad(port, cookies) {
  const head = `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: keep-alive\r\nCookie: `
  const state = { done: 0, isOn: false, underWay: 0, rest: () => undefined }
  const sockets = await Promise.all(
    Array.from({ length: CONNECTIONS }, (_, at) => {
      const own = cookies.filter((_, i) => i % CONNECTIONS === at % cookies.length)
      return openConnection(port, head, own, state)
    }),
  )
  return {
    /** Runs for at least `ms`, and until at least `requests` responses. */
    async run(ms, requests = 0) {
      const [before, began] = [state.done, performance.now()]
      state.isOn = true
      for (const { next } of sockets) next()
      await sleep(ms)
      while (state.done < before + requests) await sleep(20)
      state.isOn = false
      await new Promise((resolve) => {
        state.rest = resolve
      })
      return { done: state.done - before, seconds: (performance.now() - began) / 1000 }
    },
    close() {
      for (const { socket } of sockets) socket.destroy()
    },
  }
}

function openConnection(port, head, cookies, state) {
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  let at = 0
  const next = () => {
    state.underWay += 1
    socket.write(`${head}${cookies[at++ % cookies.length]}\r\n\r\n`, 'latin1')
  }
  let answer = ''
  socket.on('data', (data) => {
    answer += data.latin1Slice()
    if (!isWhole(answer)) return
    if (!answer.startsWith(OK)) throw new Error(answer)
    answer = ''
    state.done += 1
    state.underWay -= 1
    if (state.isOn) next()
    else if (state.underWay === 0) state.rest()
  })
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve({ socket, next }))
    socket.once('error', reject)
  })
}

function isWhole(answer) {
  const body = answer.indexOf('\r\n\r\n') + 4
  if (body < 4) return false
  const [, length] = /^content-length: (\d+)/im.exec(answer) ?? []
  return length === undefined ? answer.endsWith(LAST_CHUNK) : answer.length >= body + Number(length)
}
