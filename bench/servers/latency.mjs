// The baseline for the latency: a page emits to a socket.io server, which broadcasts to every page, without storing anything.
import { createServer } from 'node:http'
import { Server } from 'socket.io'

const PAGE = `<!doctype html><title>bare</title><output data-key="division">0</output><button data-next="division">next</button>
<script type="module">
  import { io } from '/socket.io/socket.io.esm.min.js'
  const output = document.querySelector('output')
  const socket = io({ transports: ['websocket'] })
  const now = () => performance.timeOrigin + performance.now()
  const said = []
  window.site = { socket, record: { said } }
  socket.on('value', (value) => { output.value = String(value) })
  document.querySelector('button').addEventListener('click', () => {
    const change = { text: String(Number(output.value) + 1), began: now() }
    said.push(change)
    output.value = change.text
    socket.emit('value', Number(change.text), () => { change.ended = now() })
  })
</script>`

const http = createServer((_, answer) => answer.setHeader('content-type', 'text/html').end(PAGE))
const io = new Server(http)
io.on('connection', (socket) => {
  socket.on('value', (value, done) => {
    io.emit('value', value)
    done()
  })
})
process.on('message', () => http.listen(0, '127.0.0.1', () => process.send(http.address())))
process.on('disconnect', () => process.exit())
process.send('loaded')
