import { createLiveSession } from 'koa-live-session/client'
import { io } from 'socket.io-client'
import { createApp } from './page.js'

createApp(createLiveSession({ socket: io() })).mount('#app')
