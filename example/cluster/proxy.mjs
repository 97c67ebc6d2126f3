import { createServer, request } from 'node:http'

/**
 * Creates a proxy in front of the nodes, as nginx or a load balancer would be. A request may go to any node. Only requests of an existing
 * engine.io connection are sticky: the start of their `sid` names the node.
 */
export function createProxy(nodesUp) {
  let turn = 0
  /** The node of the last new connection. */
  let latest

  /** Returns the nodes in turn. */
  const next = () => {
    const nodes = nodesUp()
    turn += 1
    return nodes[turn % nodes.length]
  }
  /** Returns the node with the fewest sockets; on a tie, not the last choice, so that two tabs get different nodes. */
  const leastBusy = () => {
    const rank = (node) => node.sockets + (node === latest ? 0.5 : 0)
    latest = nodesUp().sort((a, b) => rank(a) - rank(b))[0]
    return latest
  }
  const named = (name) => nodesUp().find((node) => node.name === name)
  const choose = (url) => {
    const { pathname, searchParams } = new URL(url, 'http://localhost')
    const sid = searchParams.get('sid')
    // The panel asks each node by name.
    const name = sid?.split('.')[0] ?? searchParams.get('node')
    if (name) return named(name)
    return pathname.startsWith('/socket.io/') ? leastBusy() : next()
  }

  const proxy = createServer((req, res) => {
    const node = choose(req.url)
    if (node) forward(req, res, node)
    else refuse(res)
  })
  proxy.on('upgrade', (req, socket, head) => {
    const node = choose(req.url)
    if (node) upgrade(req, socket, head, node)
    else socket.end('HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n')
  })
  return proxy
}

/** Forwards the headers, including Host, from which the app derives its own origin and refuses foreign hosts. */
function ask({ method, url, headers }, node) {
  return request({ host: '127.0.0.1', port: node.port, method, path: url, headers })
}

function forward(req, res, node) {
  const asked = ask(req, node)
  asked.on('response', (answer) => {
    res.writeHead(answer.statusCode, answer.statusMessage, answer.rawHeaders)
    answer.pipe(res)
    // A node may die in the middle of its response.
    answer.once('error', () => res.destroy())
  })
  asked.once('error', () => refuse(res))
  // If the browser hangs up, its poll must not go on waiting.
  res.once('close', () => asked.destroy())
  req.pipe(asked)
}

function upgrade(req, socket, head, node) {
  const asked = ask(req, node)
  const end = () => socket.destroy()
  socket.once('error', () => asked.destroy())
  asked.once('error', end)
  // The node has refused the WebSocket.
  asked.once('response', (answer) => {
    socket.write(headOf(answer))
    answer.pipe(socket)
  })
  asked.once('upgrade', (answer, upstream, rest) => {
    node.sockets += 1
    socket.write(headOf(answer))
    if (rest.length > 0) socket.write(rest)
    if (head.length > 0) upstream.write(head)
    upstream.pipe(socket).pipe(upstream)
    upstream.once('error', end)
    upstream.once('close', () => {
      node.sockets = Math.max(0, node.sockets - 1)
      socket.destroy()
    })
    socket.once('close', () => upstream.destroy())
  })
  asked.end()
}

function headOf({ statusCode, statusMessage, rawHeaders }) {
  const lines = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${rawHeaders[at + 1]}`] : []))
  return `HTTP/1.1 ${statusCode} ${statusMessage}\r\n${lines.join('\r\n')}\r\n\r\n`
}

/** Responds with 502 if no node answers: the page retries. */
function refuse(res) {
  if (res.headersSent) res.destroy()
  else res.writeHead(502, { 'Content-Type': 'text/plain', 'Cache-Control': 'no-store' }).end('No node answers.\n')
}
