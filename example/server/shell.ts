/** Returns a document with a framework's HTML in `#app`, and the HTML from `ctx.liveSession.embed()`. */
export function shell(title: string, app: string, embedded: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/style.css">
<script type="module" src="/browser.js"></script>
</head>
<body><main id="app">${app}</main>${embedded}</body>
</html>`
}
