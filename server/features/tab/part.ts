import { LiveSessionError } from '../../../shared/errors.js'
import { parseTickets } from '../../../shared/parse.js'
import { TAB_AUTH, TAB_COOKIE } from '../../../shared/protocol.js'
import { Replica } from '../../../shared/replica.js'
import type { Core } from '../../core.js'
import { destinationOf } from '../../http/prefetch.js'
import type { Evidence } from '../../identity/recognized.js'
import { subjectHash } from '../../ids/subject.js'
import type { Part } from '../../part.js'
import { type RefusedWhere, tellRefusal } from '../../settings/refused.js'
import { mergeTickets, redeem } from '../../sync/redeem.js'

/** Creates the feature for `tab` values: accepts a tab's tickets from the handshake, and from the cookie that it sets before navigating. */
export function tabPart(core: Core): Part {
  const { app, dispatch, limits, sessions, settings } = core
  if (dispatch.tabKeys.length === 0) return {}
  /** Redeems the tab's own tickets; returns none if any is refused, so that a bad ticket blocks neither page nor connection. */
  const redeemOwn = (input: unknown, whose: Evidence, where: RefusedWhere): ReturnType<typeof redeem> => {
    const { visitor } = whose
    try {
      const tickets = parseTickets(input)
      limits.spendTickets(tickets, whose)
      const redemptions = redeem(core, tickets, visitor, settings.clock())
      const index = redemptions.findIndex(({ subject }) => subject !== visitor.tab)
      if (index >= 0) throw new LiveSessionError('other_visitor', `ticket ${index} is not of a tab`, { index })
      return redemptions
    } catch (error) {
      if (!(error instanceof LiveSessionError)) throw error
      tellRefusal(app, where, error, () => subjectHash(visitor.subject()))
      return []
    }
  }
  return {
    opens: ({ handshake: { auth } }, whose) => {
      if (auth[TAB_AUTH] !== undefined)
        mergeTickets(core, redeemOwn(auth[TAB_AUTH], whose, 'handshake'), settings.clock())
      return () => undefined
    },
    // Reads the cookie for top-level pages only: any site's frame or image also sends it, for up to five seconds.
    tab: (ctx, { cookie, visitor }) => {
      const text = ctx.cookies.get(TAB_COOKIE)
      if (!text || destinationOf(ctx, settings.cookie) !== 'document') return undefined
      const whose = { cookie, visitor: visitor.inTab(sessions.tabOf(visitor.browser)) }
      const own = redeemOwn(text.split('~'), whose, 'request')
      return Replica.of(
        own.flatMap(({ registers }) => registers),
        'ticket',
      )
    },
  }
}
