// Fastify with live values: `npm start fastify`. The part to copy is app.ts.
import { readAssets } from '../server/assets.js'
import { serve } from '../server/lifecycle.js'
import { setPolicy } from '../server/policy.js'
import { readSecret } from '../server/secret.js'
import { createApp } from './app.js'

const folder = new URL('.', import.meta.url)
const { app, http, io, live } = await createApp(await readSecret(folder))

setPolicy(http)
for (const [path, { type, body }] of await readAssets(folder)) app.get(path, (_, reply) => reply.type(type).send(body))
await app.ready()
serve(http, io, live)
