import { HAND_OFF_FIELD } from '../../shared/protocol.js'

/**
 * Goes where a socket sends the page, with what it is given: by a form, so that the cookies and the redirect of the answer are the
 * browser's own, and the token is in no URL. Where the endpoint is another origin's, the token is for that one.
 */
export function followHandOff(endpoint: string, to: string, token: string): void {
  const { document } = globalThis
  // In a process without pages there is none to send.
  if (!document) return
  const form = document.createElement('form')
  const input = Object.assign(document.createElement('input'), { name: HAND_OFF_FIELD, value: token })
  form.append(input)
  document.body.append(
    Object.assign(form, { method: 'post', action: new URL(to, new URL(endpoint, document.baseURI)), hidden: true }),
  )
  form.submit()
}
