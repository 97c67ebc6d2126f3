import { createLiveSession } from 'koa-live-session/client'
import { createElement } from 'react'
import { hydrateRoot } from 'react-dom/client'
import { io } from 'socket.io-client'
import { App } from './page.js'

const root = document.getElementById('app')
if (root) hydrateRoot(root, createElement(App, { live: createLiveSession({ socket: io() }) }))
