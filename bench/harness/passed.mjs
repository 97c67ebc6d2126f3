// How functions are counted: V8 counts the calls of each one, in the page as in the server. A function is one of the source, methods
// and arrow functions included; what `shared/` has counts once, in whichever of the two it ran.

/** Names those of ours that ran since V8 was asked last: file of `dist/`, name, place. */
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
