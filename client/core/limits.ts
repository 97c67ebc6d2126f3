// The times and limits of a page. This file has only constants, so that bundlers inline them.

/** After this many answered questions and dropped POSTs without an accepted POST, the page stops asking. */
export const MAX_QUESTIONS = 3
/** How often a page may hide its values because the stored visitor has changed, until the timer `renew` fires. */
export const MAX_DOUBTS = 3
/**
 * Characters of changes and tickets at which a message is full; a single change, group or ticket may be longer. A character
 * takes up to three bytes in UTF-8.
 */
export const MAX_LENGTH = 20_000
/** ms between POSTs of changes: limits a dragged slider to three POSTs a second. */
export const POST_INTERVAL = 334
/** ms to wait for an answer over the socket, after which the connection counts as dead; doubles after each timeout. */
export const ANSWER_TIMEOUT = 4000
/** Timeout of a POST in ms: a cut connection reports no error. */
export const POST_TIMEOUT = 10_000
/** Timeout in ms of a POST after a failure, without the added backoff: short, because the browser may reuse another dead connection. */
export const RETRY_TIMEOUT = 2000
/** The longest pause between two attempts, in ms, unless `Retry-After` asks for more. */
export const MAX_PAUSE = 30_000
/** The longest pause that a `Retry-After` can ask for, in ms: a gateway may name an hour, and more than 24 days would overflow a timer. */
export const MAX_WAIT = 60_000
/** Minimum ms before the page resends a change after a temporary refusal. */
export const RETRY_PAUSE = 1000
/** ms before the page reconnects after a tab has announced a visitor: several tabs may announce the same visitor. */
export const RECONNECT_PAUSE = 50
/** Minimum ms to wait for a connection to name its visitor. */
export const GREETING_TIMEOUT = 1000
/** Maximum of the random ms that are added to `GREETING_TIMEOUT`. */
export const GREETING_SPREAD = 500
/** Maximum rounds of notifications in a row: listeners that change values in each round must not block the page. */
export const MAX_ROUNDS = 100
/** ms after the last letter of a typed text, during which listeners learn only of the page's own changes of the text. */
export const TYPING_PAUSE = 2000
