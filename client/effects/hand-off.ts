import { HAND_OFF_FIELD } from '../../shared/protocol.js'

/** ms in which a page that was sent somewhere is on its way there. */
const ON_THE_WAY = 2000

/**
 * Has the page go where a socket sends it, with what it is given: by a form, so that the cookies and the redirect of the answer are the
 * browser's own, and the token is in no URL. Where the endpoint is another origin's, the token is for that one.
 */
export function createGuide(endpoint: string): (to: string, token: string) => void {
  let freeAt = 0
  return (to, token) => {
    // A second click would drop the answer to the first, with its cookies. In a process without pages there is none to send.
    const { document, performance } = globalThis
    const now = performance.now()
    if (now < freeAt || !document) return
    freeAt = now + ON_THE_WAY
    const action = new URL(to, new URL(endpoint, document.baseURI))
    const form = Object.assign(document.createElement('form'), {
      method: 'post',
      action,
      target: '_self',
      hidden: true,
    })
    form.append(Object.assign(document.createElement('input'), { name: HAND_OFF_FIELD, value: token }))
    document.body.append(form)
    form.submit()
  }
}
