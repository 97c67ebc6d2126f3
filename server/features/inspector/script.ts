/**
 * The page's script. Polls for the view while the page is visible. Patches only the differences, which preserves focus, selection and
 * scrolling. The script is a text, because an app's own build may rename identifiers in code.
 */
export const SCRIPT = `
const PACE = 1000
const status = document.querySelector('#status')
const pause = document.querySelector('#pause')
const find = new URLSearchParams(location.search).get('find') ?? ''
let timer
let last
let isTrouble = false

const say = (text, isBad) => {
  isTrouble = isBad
  if (status.textContent !== text) status.textContent = text
}
const isPaused = () => pause.getAttribute('aria-pressed') === 'true'
const keyOf = (node) => node.nodeType === Node.ELEMENT_NODE ? node.dataset.key : undefined
const isSame = (one, other) => one.nodeName === other.nodeName && keyOf(one) === keyOf(other)

/** Makes an element equal to another, and keeps the equal parts. */
function patch(element, wanted) {
  if (element.isEqualNode(wanted)) return
  if (element.nodeType !== Node.ELEMENT_NODE) { element.nodeValue = wanted.nodeValue; return }
  for (const { name } of [...element.attributes]) if (!wanted.hasAttribute(name)) element.removeAttribute(name)
  for (const { name, value } of wanted.attributes) if (element.getAttribute(name) !== value) element.setAttribute(name, value)
  const keys = new Set([...wanted.childNodes].map(keyOf))
  for (const child of [...element.childNodes]) if (keyOf(child) !== undefined && !keys.has(keyOf(child))) child.remove()
  let place = element.firstChild
  for (const child of [...wanted.childNodes]) {
    if (place && isSame(place, child)) {
      const next = place.nextSibling
      patch(place, child)
      place = next
    } else element.insertBefore(child, place)
  }
  while (place) {
    const next = place.nextSibling
    place.remove()
    place = next
  }
}

async function refresh() {
  clearTimeout(timer)
  try {
    const answer = await fetch('?' + new URLSearchParams({ part: 'view', find }), { cache: 'no-store' })
    const text = await answer.text()
    if (answer.ok) show(text)
    if (!answer.ok) say('Refused: ' + text, true)
    else if (isTrouble) say('', false)
  } catch {
    say('The server does not answer. Trying again.', true)
  }
  plan()
}

function show(text) {
  if (text === last) return
  last = text
  const { activeElement } = document
  patch(document.querySelector('#view'), new DOMParser().parseFromString(text, 'text/html').querySelector('#view'))
  // The focused element is gone: move the focus to the heading of the list.
  if (activeElement && !activeElement.isConnected) document.querySelector('#subjects').focus()
}

function plan() {
  clearTimeout(timer)
  if (!isPaused() && !document.hidden) timer = setTimeout(refresh, PACE)
}

async function act(form) {
  const { question } = form.dataset
  if (question !== undefined && !confirm(question)) return
  try {
    const answer = await fetch(form.getAttribute('action'), { method: 'POST', headers: { accept: 'text/plain' } })
    const text = await answer.text()
    await refresh()
    say(answer.ok ? text : 'Refused: ' + text, false)
  } catch {
    say('The server does not answer. Try again.', true)
  }
}

document.addEventListener('submit', (event) => {
  if (event.target.method !== 'post') return
  event.preventDefault()
  void act(event.target)
})
document.addEventListener('visibilitychange', plan)
pause.addEventListener('click', () => {
  pause.setAttribute('aria-pressed', String(!isPaused()))
  plan()
})
pause.hidden = false
plan()
`
