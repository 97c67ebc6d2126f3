import { type LiveSessionClient, onSessionEnd } from 'koa-live-session/client'

const ENDED = 'session ended'

/** Asks an idle visitor in a dialog whether to stay signed in. The next page tells of the end, because this page reloads as a guest's. */
export function warnOfEnd(live: LiveSessionClient, say: (words: string) => void): void {
  const dialog = document.querySelector<HTMLDialogElement>('dialog[role=alertdialog]')
  if (sessionStorage.getItem(ENDED)) say('Your session has ended. Please sign in again.')
  sessionStorage.removeItem(ENDED)
  let stay: (() => Promise<void>) | undefined
  // Enter presses the button, and Escape cancels: each shows that the visitor is there.
  dialog?.querySelector('form')?.addEventListener('submit', () => void stay?.())
  dialog?.addEventListener('cancel', () => void stay?.())
  onSessionEnd(live, ({ status, left, extend }) => {
    stay = extend
    if (status === 'ended') sessionStorage.setItem(ENDED, 'yes')
    const minutes = Math.ceil(left / 60_000)
    const words = `You are signed out in ${minutes === 1 ? 'a minute' : `${minutes} minutes`}, unless you stay.`
    dialog?.querySelector('p')?.replaceChildren(words)
    if (status !== 'ending') dialog?.close()
    else if (!dialog?.open) dialog?.showModal()
  })
}
