// sign-in.ts
import { promisify } from 'node:util'
import { Router } from 'express'
import { isHttps, SESSION_COOKIE } from './sessions.js'

const done = (act: (end: (error: unknown) => void) => void): Promise<unknown> => promisify(act)()

export const signIn = Router()
signIn.post('/sign-in', async (req, res) => {
  await done((end) => req.session.regenerate(end)) // makes a planted id worthless
  req.session.userId = 'ann' // yours: checks the password
  await done((end) => req.session.save(end)) // before the sockets reconnect
  await req.liveSession.identify()
  res.redirect('/')
})
signIn.post('/sign-out', async (req, res) => {
  await done((end) => req.session.destroy(end))
  res.clearCookie(SESSION_COOKIE, { secure: isHttps })
  await req.liveSession.leave()
  res.redirect('/')
})
