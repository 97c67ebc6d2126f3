import type { StandardSchemaV1 } from '@standard-schema/spec'
import { LiveSessionError } from '../../../shared/errors.js'
import { printable } from '../../../shared/escape.js'
import { pathOf } from '../../../shared/schema.js'
import { subjectHash } from '../../kernel/names/subject.js'
import { checkOwnPost } from '../../kernel/requests/origin.js'
import type { Answer, RequestUse } from '../../kernel/seams/part.js'
import type { Settings } from '../../options.js'
import type { Warn } from '../../report.js'
import { checkPurpose, type HandOff, type HandOffs } from './hand-offs.js'
import { postedToken } from './posted-token.js'

const QUOTED_PLACES = 3

interface Needs {
  readonly handOffs: HandOffs
  readonly settings: Settings
  readonly warn: Warn
}

/**
 * Returns what a socket has handed off to this request: only one of all requests that bring it gets it.
 *
 * @throws {LiveSessionError} `bad_origin`, `store_unavailable`; `invalid_value` if the schema refuses it; errors of the body
 */
export async function takeHandOff(
  core: Needs,
  use: RequestUse,
  purpose: string,
  schema: StandardSchemaV1,
): Promise<unknown> {
  checkPurpose('takeHandOff', purpose)
  if (typeof schema?.['~standard']?.validate !== 'function')
    throw new TypeError('koa-live-session: takeHandOff: expected a Standard Schema (zod, valibot, arktype, ...)')
  const { ctx } = use
  const token = await postedToken(ctx)
  if (token === undefined) return undefined
  // Another site's form could bring the attacker's own token: the visitor would be signed in as the attacker.
  checkOwnPost(core, ctx)
  const handOff = open(core, use.visit, token, purpose)
  if (!handOff) return undefined
  // Before it is spent, so that what another build has written is not lost.
  const value = await accepted(schema, handOff, purpose)
  // Reading the body, the schema and the store can take time.
  if (use.visit.isSuperseded) return undefined
  const isFirst = await core.handOffs.spend(handOff)
  return isFirst && !use.visit.isSuperseded ? value : undefined
}

/** Only the browser whose cookie the socket brought can use the token. */
function open({ handOffs }: Needs, { cookie }: Answer, token: string, purpose: string): HandOff | undefined {
  return cookie && handOffs.open(token, { browser: subjectHash(cookie.browserSubject), purpose })
}

async function accepted(schema: StandardSchemaV1, { payload }: HandOff, purpose: string): Promise<unknown> {
  const result = await schema['~standard'].validate(payload)
  if (!result.issues) return result.value
  // Only the place: schemas quote what they refuse, which neither the page nor a log may see.
  const places = result.issues.map(({ path }) => pathOf(path))
  const cause = new Error(printable(`refused at ${places.slice(0, QUOTED_PLACES).join(', ')}`))
  throw new LiveSessionError('invalid_value', `takeHandOff("${purpose}"): not what the schema accepts`, { cause })
}
