import { createLiveSession, followAddress, followHandOffs, keepTab, onFlash } from 'koa-live-session/client'
import { io } from 'socket.io-client'
// Types only: no schema library in the browser.
import type { fields } from './fields.js'
import { bindChoice } from './page/choice.js'
import { showConnection } from './page/connection.js'
import { element } from './page/element.js'
import { startHood } from './page/hood-panel.js'
import { markNews } from './page/mark-news.js'
import { takeOverNavigation } from './page/navigation.js'
import { bindNewProject } from './page/new-project.js'
import { createOfflineSwitch } from './page/offline-switch.js'
import { bindSave } from './page/save.js'
import { rememberScroll } from './page/scroll.js'
import { bindSignIn } from './page/sign-in.js'
import { createViewer, type ViewSocket } from './page/viewer.js'
import { showViewers } from './page/viewers.js'
import { isTheme } from './themes.js'

// Reconnect soon after a restart; the jitter keeps many pages from reconnecting all at once.
const socket: ViewSocket = io({ reconnectionDelay: 50, reconnectionDelayMax: 500, randomizationFactor: 0.5 })
const network = createOfflineSwitch(socket)
const live = createLiveSession<typeof fields>({ socket })
followAddress(live)
followHandOffs(live)
keepTab(live)

const viewer = createViewer(socket, live)

const flash = element('flash', HTMLElement)
const say = (text: string): void => {
  flash.textContent = text
}
const tell = (error: Error): void => say(`Not saved: ${error.message}`)

const showDivision = bindChoice(element('division-choice', HTMLFormElement), (value) => {
  live.set('division', Number(value)).catch(tell)
})
live.subscribe('division', (division) => showDivision(String(division)))
live.onChange(({ key, source }) => {
  if (key === 'division' && source !== 'request') markNews(element('division-choice', HTMLElement))
})

const showTheme = bindChoice(element('theme-choice', HTMLFormElement), (value) => {
  if (isTheme(value)) live.set('theme', value).catch(tell)
})
live.subscribe('theme', (theme) => {
  document.documentElement.dataset['theme'] = theme
  showTheme(theme)
})

onFlash(live, (message) => say(String(message)))

showConnection(element('connection', HTMLElement), socket, network.isOffline)
bindSignIn(element('account', HTMLElement), socket)
bindSave(element('save', HTMLElement), live, say)
bindNewProject(live, say)
rememberScroll()
showViewers(element('viewers', HTMLElement), socket, live)
const hood = startHood(element('hood', HTMLElement), socket, live, network)
const isSmall = matchMedia('(max-width: 30rem)')
takeOverNavigation(viewer, () => {
  // On a phone the panel would cover half of the new view.
  if (isSmall.matches) hood.shut()
})
