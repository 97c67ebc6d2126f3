import { ServerResponse } from 'node:http'
import onHeaders from 'on-headers'
import { DAY, newApp, values } from './app.mjs'

const hello = (ctx) => {
  ctx.body = 'hello'
}

export function koa() {
  return newApp().use(hello).callback()
}

function setTwo(res) {
  if (!res.hasHeader('Vary')) res.setHeader('Vary', 'Cookie')
  if (!res.hasHeader('Cache-Control')) res.setHeader('Cache-Control', 'private')
}

/** With headers against shared caches, which could show a visitor's values to another visitor. */
export function headers() {
  const app = newApp()
  app.use((ctx) => {
    onHeaders(ctx.res, () => setTwo(ctx.res))
    ctx.body = 'hello'
  })
  return app.callback()
}

/** The minimal handwritten code to read a value of the cookie's visitor and to set these headers, without a merge. */
export function ideal() {
  const SESSION = Symbol('session')
  const { writeHead } = ServerResponse.prototype
  const known = new Map()

  function writeWithHeaders(status) {
    this.writeHead = writeHead
    if (this[SESSION].expires < Date.now()) throw new Error('expired')
    setTwo(this)
    return writeHead.call(this, status)
  }

  function open({ req, res }) {
    const header = req.headers.cookie
    const text = pair(header, 'live=')
    const signature = pair(header, 'live.sig=')
    let session = known.get(signature)
    if (session?.text !== text) {
      session = { text: flat(text), expires: Date.now() + DAY, values: new Map(Object.entries(values)) }
      known.set(flat(signature), session)
    }
    res[SESSION] = session
    res.writeHead = writeWithHeaders
    return session
  }

  const app = newApp()
  Object.defineProperty(app.context, 'ideal', {
    get() {
      this[SESSION] ??= open(this)
      return this[SESSION]
    },
  })
  app.use((_, next) => next())
  app.use((ctx) => {
    ctx.body = ctx.ideal.values.get('theme')
  })
  return app.callback()
}

function pair(header, name) {
  const at = header.indexOf(name)
  const end = header.indexOf(';', at)
  return header.slice(at + name.length, end < 0 ? undefined : end)
}

/** Returns a copy, so that a substring does not hold the whole header in memory. */
const flat = (text) => Buffer.from(text, 'latin1').toString('latin1')
