// Restores a reloaded tab's values from its tickets, for the socket and for the page's HTML.

import { LiveSessionError } from '../../../shared/errors.js'
import { parseTickets } from '../../../shared/parse.js'
import { TAB_AUTH } from '../../../shared/protocol.js'
import { Replica } from '../../../shared/replica.js'
import { tabCookieName } from '../../cookie/attributes.js'
import type { TicketVerifier } from '../../exchange/verify-tickets.js'
import type { Feature } from '../../feature.js'
import { destinationOf, isWorkerNavigation } from '../../http/page-load.js'
import type { Identified } from '../../identity/identified.js'
import type { FeatureParts } from '../../parts.js'
import type { RefusedWhere } from '../../settings/report.js'
import { subjectHash } from '../../subjects/subject.js'

type Verified = ReturnType<TicketVerifier['verify']>

/**
 * Creates the feature for fields with scope `tab`: accepts a tab's tickets from the handshake, and from a cookie that an unloading page
 * sets.
 */
export function tabFeature(parts: FeatureParts): Feature {
  const { pageTickets, limits, values, settings, verifier } = parts
  if (pageTickets.tabKeys.length === 0) return {}
  /** Verifies the tab's own tickets. If any is refused, returns none, because a bad ticket must not block the page or the connection. */
  const redeemOwn = (input: unknown, identity: Identified, where: RefusedWhere): Verified => {
    const { visitor } = identity
    try {
      const tickets = parseTickets(input)
      limits.spendTickets(tickets, identity)
      const redemptions = verifier.verify(tickets, visitor, settings.clock())
      const index = redemptions.findIndex(({ subject }) => subject !== visitor.tab)
      if (index >= 0) throw new LiveSessionError('other_visitor', `ticket ${index} is not of a tab`, { index })
      return redemptions
    } catch (error) {
      if (!(error instanceof LiveSessionError)) throw error
      settings.emitRefusal(where, error, () => subjectHash(visitor.subject()))
      return []
    }
  }
  return {
    opens: ({ handshake: { auth } }, identity) => {
      if (auth[TAB_AUTH] !== undefined)
        verifier.merge(redeemOwn(auth[TAB_AUTH], identity, 'handshake'), settings.clock())
      return () => undefined
    },
    // Reads the cookie only for page loads. For up to five seconds, the browser also sends this cookie with other requests, such as for
    // images.
    tab: (ctx, { cookie, visitor }) => {
      const text = ctx.cookies.get(tabCookieName(settings.cookie))
      if (!text) return undefined
      if (destinationOf(ctx, settings.cookie) !== 'document' && !isWorkerNavigation(ctx)) return undefined
      const identity = { cookie, visitor: visitor.inTab(values.tabOf(visitor.browser)) }
      const own = redeemOwn(text.split('~'), identity, 'request').flatMap(({ registers }) => registers)
      return Replica.of(own, 'ticket')
    },
  }
}
