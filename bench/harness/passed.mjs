// Counts executed functions, by V8's call counts in page and server. Each function, method and arrow function of the source counts once,
// even if code in `shared/` ran on both sides.

/** Returns our functions that ran since V8's last report, each with its file in `dist/`, its name and its place. */
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
