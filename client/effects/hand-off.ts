import { HAND_OFF_FIELD } from '../../shared/protocol.js'

/** ms in which a page that was sent somewhere is on its way there. */
const ON_THE_WAY = 2000

/**
 * Has the page bring what it is given to the endpoint, which sends it on: by a form, so that the cookies and the redirects of the answers
 * are the browser's own, and the token is in no URL. Where it goes no event says: an app may relay one that a stranger has made up.
 */
export function createGuide(endpoint: string): (token: string) => void {
  let freeAt = 0
  return (token) => {
    // A second click would drop the answer to the first, with its cookies. In a process without pages there is none to send.
    const { document, performance } = globalThis
    const now = performance.now()
    if (now < freeAt || !document) return
    freeAt = now + ON_THE_WAY
    const form = Object.assign(document.createElement('form'), {
      method: 'post',
      action: endpoint,
      target: '_self',
      hidden: true,
    })
    form.append(Object.assign(document.createElement('input'), { name: HAND_OFF_FIELD, value: token }))
    document.body.append(form)
    form.submit()
  }
}
