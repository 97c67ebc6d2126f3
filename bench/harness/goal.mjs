/** If the control differs by more than this, a goal gets no verdict. */
const TOLERABLE = 0.02

/** @param noise the relative difference of two equal contestants in this figure; 0 for counts */
export function judge(what, value, sign, limit, noise = 0) {
  const isMet = sign === '>=' ? value >= limit : value <= limit
  const verdict = noise > TOLERABLE ? 'no verdict' : isMet ? 'reached' : 'missed'
  return { what, value, sign, limit, noise, verdict }
}
