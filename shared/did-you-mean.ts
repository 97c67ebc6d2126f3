/** Returns the error message for an unknown option. */
export function unknownOption(name: string, known: readonly string[]): string {
  return `no such option (known: ${known.join(', ')}).${didYouMean(name, known)}`
}

/** Returns a suggestion to append to the message about an unknown name; an empty string if no known name is similar. */
export function didYouMean(name: string, known: readonly string[]): string {
  const [near = ''] = known.toSorted((one, other) => slips(one, name) - slips(other, name))
  return slips(near, name) <= name.length / 3 ? ` Did you mean "${near}"?` : ''
}

/** Counts for each name the letters missing in the other, and returns the larger count: a typo changes few letters. */
function slips(one: string, other: string): number {
  const rest = [...other]
  const lacking = [...one].filter((letter) => {
    const at = rest.indexOf(letter)
    return at < 0 || rest.splice(at, 1).length === 0
  })
  return Math.max(lacking.length, rest.length)
}
