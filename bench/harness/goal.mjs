/** A control that differs by more than that leaves a goal without a verdict. */
const TOLERABLE = 0.02

/** @param noise what two equals differ by in this figure: none where it is counted, not timed */
export function judge(what, value, sign, limit, noise = 0) {
  const isMet = sign === '>=' ? value >= limit : value <= limit
  const verdict = noise > TOLERABLE ? 'no verdict' : isMet ? 'reached' : 'missed'
  return { what, value, sign, limit, noise, verdict }
}
