import type { StandardSchemaV1 } from '@standard-schema/spec'
import { LiveSessionError } from '../../../shared/errors.js'
import { HAND_OFF } from '../../../shared/protocol.js'
import { subjectHash } from '../../kernel/names/subject.js'
import type { Core } from '../../kernel/seams/core.js'
import type { Part } from '../../kernel/seams/part.js'
import { checkPurpose, HandOffs } from './hand-offs.js'
import { sendOn } from './send-on.js'
import { takeHandOff } from './take.js'
import { checkTarget } from './target.js'

/** Creates the part for what a socket's handler passes to the next request of its browser. */
export function handOffPart({
  cookie,
  identities,
  settings,
  store,
  warn,
}: Pick<Core, 'cookie' | 'identities' | 'settings' | 'store' | 'warn'>): Part {
  const handOffs = new HandOffs({ settings, store })
  return {
    request: {
      takeHandOff: (use, purpose: string, schema: StandardSchemaV1) =>
        takeHandOff({ handOffs, settings, warn }, use, purpose, schema),
    },
    socket: {
      handOff: (use, purpose: string, payload: unknown, options: { readonly to: string }) => {
        checkPurpose('handOff', purpose)
        const to = checkTarget(options?.to)
        use.permit()
        if (!use.isOpen()) throw new LiveSessionError('closed', 'handOff: the socket is not open')
        if (!use.cookie)
          throw new LiveSessionError('cookies_blocked', 'handOff: the connection has brought no live cookie')
        const browser = subjectHash(use.cookie.browserSubject)
        use.emit(HAND_OFF, handOffs.seal({ browser, purpose, to }, payload))
      },
    },
    post: (ctx, requests) => sendOn({ cookie, handOffs, identities }, ctx, requests),
  }
}
