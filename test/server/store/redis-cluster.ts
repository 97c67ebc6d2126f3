import { within } from '../../support/app/within.js'
import { freePort } from '../../support/servers/free-port.js'
import { RedisServer } from '../../support/servers/redis.js'
import { connectNodeRedis } from '../../support/servers/redis-clients.js'

/** Starts a cluster of a single node with all slots, on a port, because clients find the nodes of a cluster by port. */
export async function startRedisCluster(): Promise<{ readonly server: RedisServer; readonly port: number }> {
  const [port, bus] = [await freePort(), await freePort()]
  const server = await RedisServer.start([
    ...['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf', '--cluster-announce-ip', '127.0.0.1'],
    ...['--bind', '127.0.0.1', '--port', String(port), '--cluster-port', String(bus)],
  ])
  const { client, end } = await connectNodeRedis(server.path)
  await client.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383'])
  await within(
    () => client.sendCommand(['CLUSTER', 'INFO']),
    (info) => String(info).includes('cluster_state:ok'),
  )
  await end()
  return { server, port }
}
