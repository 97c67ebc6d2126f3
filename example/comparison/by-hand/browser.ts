import { io } from 'socket.io-client'
import { onChoice, say, show } from '../navigation.js'
import { change, follow } from './state/page.js'

const socket = io({ transports: ['websocket'] })
follow(socket, show)
onChoice((key, value) => {
  say('saving')
  change(socket, { [key]: value }).then(say, () => say('not saved'))
})
