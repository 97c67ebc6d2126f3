import { type IncomingHttpHeaders, request } from 'node:http'

export interface RawAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface RawRequest {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** Sends a request with exactly these headers, some of which `fetch` adds or refuses. */
export function send(url: string, { method = 'GET', headers = {}, body }: RawRequest = {}): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const req = request(url, { method, headers: { ...headers, ...length }, agent: false }, async (res) => {
      let text = ''
      for await (const chunk of res) text += chunk
      resolve({ status: res.statusCode ?? 0, headers: res.headers, text })
    })
    req.on('error', reject)
    req.end(body)
  })
}

/** Opens socket.io by HTTP long-polling, and resolves with the server's answer: `40` accepted, `44` refused. */
export async function poll(url: string, headers: Record<string, string>): Promise<string> {
  const path = `${url}/socket.io/?EIO=4&transport=polling`
  const opened = await send(path, { headers })
  const { sid } = JSON.parse(opened.text.slice(1))
  await send(`${path}&sid=${sid}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'text/plain' },
    body: '40',
  })
  return (await send(`${path}&sid=${sid}`, { headers })).text
}
