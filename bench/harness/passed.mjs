// Counts functions: V8 counts the calls of each one, in both page and server. A function is one in the source, including methods
// and arrow functions; one in `shared/` counts once, in whichever of the two it ran.

/** Returns our functions that ran since V8 was last asked: file of `dist/`, name, place. */
export function passed({ result }) {
  return result.flatMap(({ url, functions }) => {
    const [, file] = /\/dist\/(.*\.js)$/.exec(url) ?? []
    if (file === undefined || url.includes('/node_modules/')) return []
    return functions.flatMap(({ functionName, ranges: [{ startOffset, count }] }) =>
      count > 0 ? [`${file} ${functionName} ${startOffset}`] : [],
    )
  })
}

export function sum(names) {
  return { functions: new Set(names).size, files: new Set(names.map((name) => name.split(' ')[0])).size }
}
