import { afterEach, beforeEach } from '@jest/globals'

const { addEventListener, removeEventListener, location } = globalThis

/** Gives the pages of each test a window's events, and returns a function that dispatches one. */
export function windowEvents(): (event: string) => void {
  let window = new EventTarget()
  beforeEach(() => {
    window = new EventTarget()
    Object.assign(globalThis, {
      // A page with initial values begins at once only if there is a `location`, as in browsers.
      location: {},
      addEventListener: window.addEventListener.bind(window),
      removeEventListener: window.removeEventListener.bind(window),
    })
  })
  afterEach(() => void Object.assign(globalThis, { addEventListener, removeEventListener, location }))
  return (event) => void window.dispatchEvent(new Event(event))
}
