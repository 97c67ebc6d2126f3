/** Returns what is wrong with an option of an unknown name. */
export function unknownOption(name: string, known: readonly string[]): string {
  return `no such option (known: ${known.join(', ')}).${didYouMean(name, known)}`
}

/** Returns the question that follows a message about an unknown name, if one of the known names is close to it. */
export function didYouMean(name: string, known: readonly string[]): string {
  const [near = ''] = known.toSorted((one, other) => slips(one, name) - slips(other, name))
  return slips(near, name) <= name.length / 3 ? ` Did you mean "${near}"?` : ''
}

/** Counts the letters that one has and the other lacks: a slip swaps, drops, adds or changes a few. */
function slips(one: string, other: string): number {
  const rest = [...other]
  const lacking = [...one].filter((letter) => {
    const at = rest.indexOf(letter)
    return at < 0 || rest.splice(at, 1).length === 0
  })
  return Math.max(lacking.length, rest.length)
}
