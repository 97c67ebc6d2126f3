import { type LiveSessionClient, LiveSessionError } from 'koa-live-session/client'
import { findDivision } from '../divisions.js'

/** The sessionStorage key of the division a guest wants to save: a guest must sign in first. */
const WANTED = 'division-to-save'

/**
 * Makes a button save the chosen division with the account. Only users may set the field: asks a guest to sign in, and saves afterwards.
 */
export function bindSave(button: HTMLElement, live: LiveSessionClient, tell: (text: string) => void): void {
  const save = async (division: number): Promise<void> => {
    try {
      await live.set('saved', division)
      tell(`Saved with your account: ${nameOf(division)}.`)
    } catch (error) {
      if (!(error instanceof LiveSessionError && error.code === 'users_only')) throw error
      sessionStorage.setItem(WANTED, String(division))
      askToSignIn()
      tell('Sign in, and it is saved.')
    }
  }
  const saveLoudly = (division: number): void => {
    save(division).catch((error: Error) => tell(`Not saved: ${error.message}`))
  }
  // The button is useless without a script, so hidden until now.
  button.hidden = false
  button.addEventListener('click', () => saveLoudly(live.get('division')))
  live.subscribe('saved', (saved) => {
    button.title = saved === null ? '' : `Saved: ${nameOf(saved)}`
  })
  const goOn = (): void => {
    const wanted = sessionStorage.getItem(WANTED)
    sessionStorage.removeItem(WANTED)
    if (wanted !== null) saveLoudly(Number(wanted))
  }
  // A sign-in reloads this tab, but not the others.
  if (isSignedIn()) goOn()
  live.onVisitor(({ id }) => {
    if (id !== undefined) goOn()
  })
}

function isSignedIn(): boolean {
  return document.querySelector('form[action="/sign-out"]') !== null
}

function askToSignIn(): void {
  const menu = document.getElementById('account-menu')
  menu?.showPopover()
  menu?.querySelector('input')?.focus()
}

function nameOf(division: number): string {
  return findDivision(division)?.name ?? 'all divisions'
}
