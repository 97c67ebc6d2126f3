import { createLiveSession } from 'koa-live-session/client'
import { io } from 'socket.io-client'
import { onChoice, say, show } from '../navigation.js'
import type {} from './state/fields.js'

const live = createLiveSession({ socket: io({ transports: ['websocket'] }) })
live.subscribe('region', (region) => show({ region }))
live.subscribe('size', (size) => show({ size }))
live.onStatus(() => say(live.status().reason ?? live.status().status)) // of both fields
onChoice((key, value) => live.set(key, value))
