// A tab as the server sees it, without a page: it asks whose it is, and sets as that visitor.
import { io } from 'socket.io-client'

export async function openTab(port, cookie, user) {
  const url = `http://127.0.0.1:${port}`
  const extraHeaders = { cookie, origin: url }
  const socket = io(url, { transports: ['websocket'], forceNew: true, auth: { user }, extraHeaders })
  await new Promise((resolve) => socket.once('connect', resolve))
  const { who } = await socket.emitWithAck('live_session:sync', {})
  const set = (value, done) =>
    socket.emit('live_session:sync', { who, set: [['division', -1, '', value]] }, ({ code, results }) => {
      const refused = code ?? results[0].code
      if (refused) throw new Error(refused)
      done?.()
    })
  return { socket, set, seen: () => new Promise((resolve) => socket.once('store_session', resolve)) }
}
