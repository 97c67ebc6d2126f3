import { writeFileSync } from 'node:fs'
import { type Daemon, runCommand, startDaemon } from './daemon.js'
import { Folder } from './folder.js'
import { freePort } from './free-port.js'
import { located, NGINX } from './installed.js'

/** A separate nginx, with TLS, in front of a server on this machine. */
export class Nginx {
  readonly url: string
  readonly #folder = new Folder()
  #daemon: Daemon | undefined

  private constructor(port: number) {
    this.url = `https://localhost:${port}`
  }

  /**
   * @param site a configuration for port 443, with the server at 127.0.0.1:3000
   * @param app the server's actual address
   */
  static async start(site: string, app: string): Promise<Nginx> {
    const port = await freePort()
    const nginx = new Nginx(port)
    await nginx.#start(
      site
        // The server's address comes first, because the port to listen at can begin with 3000.
        .replaceAll('127.0.0.1:3000', new URL(app).host.replace('localhost', '127.0.0.1'))
        .replaceAll('listen 443', `listen 127.0.0.1:${port}`)
        .replaceAll(/\/etc\/ssl\/\S+\.(pem|key);/g, (_, kind) => `${nginx.#folder.in(kind)};`),
    )
    return nginx
  }

  async stop(): Promise<void> {
    await this.#daemon?.end()
    this.#folder.remove()
  }

  async #start(site: string): Promise<void> {
    const [key, certificate, configuration] = ['key', 'pem', 'nginx.conf'].map((name) => this.#folder.in(name))
    await runCommand('openssl', [
      ...['req', '-x509', '-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
      ...['-days', '2', '-subj', '/CN=localhost', '-keyout', `${key}`, '-out', `${certificate}`],
    ])
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${this.#folder.in(name)};`)
      .join('\n')
    writeFileSync(
      `${configuration}`,
      `daemon off; master_process off; pid ${this.#folder.in('pid')}; events {}
      http { access_log off; ${paths}\n${site} }`,
    )
    const args = ['-p', this.#folder.path, '-c', `${configuration}`, '-e', 'stderr', '-g', 'error_log stderr notice;']
    this.#daemon = await startDaemon(located(NGINX), args, { isReady: /using the "\w+" event method/ })
  }
}
