import { AppSessions } from '../../../server/features/session-store/app-sessions.js'
import { coreOf } from '../../../server/plugin.js'

/** Returns a plugin's record of the app's own sessions. */
export function appSessionsOf(live: object): AppSessions {
  const found = coreOf(live).featureData.find((data) => data instanceof AppSessions)
  if (!found) throw new Error('expected a plugin with app sessions')
  return found
}
