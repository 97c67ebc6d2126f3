import { coalesce } from './coalescer.js'
import type { ViewSocket } from './viewer.js'

/** ms to wait for an answer. */
const PATIENCE = 3000

/**
 * Lets the server check the name in the sign-in form while typing, and signs in over the socket; the server then redirects the page.
 * Without a connection, POSTs the form as without a script. Views replace the form: look it up each time.
 */
export function bindSignIn(account: HTMLElement, socket: ViewSocket): void {
  const check = coalesce(async () => {
    const input = account.querySelector('input')
    if (!input || !socket.connected) return
    const { value } = input
    if (value.trim() === '') return say(account, '', true)
    const { isKnown, hint } = await socket.timeout(PATIENCE).emitWithAck('name', value)
    if (input.value === value) say(account, hint, isKnown || hint.endsWith('?'))
  })
  const signIn = async (form: HTMLFormElement, name: string): Promise<void> => {
    const outcome = await socket
      .timeout(PATIENCE)
      .emitWithAck('sign-in', name)
      .catch(() => 'post')
    if (outcome === 'unknown') check()
    if (outcome !== 'post') return
    const input = form.querySelector('input')
    if (input) input.value = name
    form.submit()
  }

  account.addEventListener('input', check)
  account.addEventListener('submit', (event) => {
    const { target, submitter } = event
    if (!(target instanceof HTMLFormElement) || target.id !== 'sign-in' || !socket.connected) return
    event.preventDefault()
    const typed = target.querySelector('input')?.value ?? ''
    void signIn(target, submitter instanceof HTMLButtonElement && submitter.value !== '' ? submitter.value : typed)
  })
}

function say(account: HTMLElement, hint: string, isFine: boolean): void {
  const output = account.querySelector('#name-hint')
  if (output) output.textContent = hint
  account.querySelector('input')?.setAttribute('aria-invalid', String(!isFine))
}
