// Requests and responses of node:http without a network: a network would hide differences of microseconds.
import { IncomingMessage, ServerResponse } from 'node:http'
import { Writable } from 'node:stream'

class Sink extends Writable {
  remoteAddress = '127.0.0.1'
  _write(_chunk, _encoding, done) {
    done()
  }
  _writev(_chunks, done) {
    done()
  }
  cork() {}
  uncork() {}
  setTimeout() {}
}
const sink = new Sink().setMaxListeners(0)

/** Makes a request, and resolves when its response has ended. */
function request(listener, cookie) {
  const req = new IncomingMessage(sink)
  const headers = ['Host', '127.0.0.1', 'Connection', 'keep-alive', 'Cookie', cookie]
  Object.assign(req, { method: 'GET', url: '/', httpVersion: '1.1', httpVersionMajor: 1, httpVersionMinor: 1 })
  req._addHeaderLines(headers, headers.length)
  const res = new ServerResponse(req)
  res.assignSocket(sink)
  return new Promise((resolve, reject) => {
    res.on('finish', () => {
      res.detachSocket(sink)
      if (res.statusCode !== 200) reject(new Error(`answered ${res.statusCode}`))
      // Until the event loop turns, node:http and Koa hold on to every request.
      else setImmediate(resolve)
    })
    listener(req, res)
  })
}

/** Returns the mean CPU time of a request, in us. */
export async function timeRequests(listener, cookies, count) {
  const began = process.cpuUsage()
  for (let i = 0; i < count; i += 1) await request(listener, cookies[i % cookies.length])
  const { user, system } = process.cpuUsage(began)
  return (user + system) / count
}
