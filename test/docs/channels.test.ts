import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { metrics, SpanStatusCode, trace } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { LiveSessionError } from 'koa-live-session'
import { memoryStore } from 'koa-live-session/testing'
import { App } from '../support/app.js'
import { runSnippet } from '../support/run-snippet.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { within } from '../support/within.js'

const PAGE = 'docs/troubleshooting.md'
const page = readFileSync(PAGE, 'utf8')

/** The names of all channels that the server's code publishes to. */
function channels(): readonly string[] {
  const sources = readdirSync('server', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
  return sources.flatMap(
    (file) => readFileSync(`server/${file}`, 'utf8').match(/(?<=')koa-live-session:\w+(?=')/g) ?? [],
  )
}

/** The first column of the page's table of channels, and the members that the second names. */
function documented(): Record<string, readonly string[]> {
  const rows = [...page.matchAll(/^\| `(koa-live-session:\w+)` \| `\{ ([^}]*) \}` \|/gm)]
  return Object.fromEntries(rows.map(([, name = '', members = '']) => [name, members.split(', ')]))
}

/** An app whose store goes down, and comes back: what its channel was told by then. */
async function outage(options: object = {}): Promise<Record<string, unknown>[]> {
  const heard: Record<string, unknown>[] = []
  const hear = (message: unknown): void => void heard.push(message as Record<string, unknown>)
  subscribe('koa-live-session:store', hear)
  const store = memoryStore()
  const app = await App.start({ options: { store, ...options } })
  store.fail(1)
  await app.live.user('ann')
  const user = await app.live.user('bob')
  await user.set('division', 3)
  await within(
    async () => heard.at(-1)?.['state'],
    (state) => state === 'good',
  )
  unsubscribe('koa-live-session:store', hear)
  return heard
}

describe('docs/troubleshooting.md', () => {
  it('names every channel, and what its messages have', async () => {
    expect(Object.keys(documented())).toEqual([...new Set(channels())].sort())
    const heard = await outage()
    expect(heard.map(({ state }) => state)).toEqual(['down', 'good'])
    const members = new Set(heard.flatMap((message) => Object.keys(message)))
    expect([...members].map((name) => (heard.every((message) => name in message) ? name : `${name}?`))).toEqual(
      documented()['koa-live-session:store'],
    )
  })

  it('has an onError that writes one line', () => {
    const logged = jest.spyOn(console, 'error').mockImplementation(() => undefined)
    const { onError } = runSnippet('on-error.ts', PAGE, {}) as { onError(error: LiveSessionError): void }
    onError(new LiveSessionError('store_unavailable', 'the store is away', { cause: new Error('ECONNREFUSED') }))
    expect(JSON.parse(String(logged.mock.calls[0]?.[0]))).toEqual({
      level: 'error',
      code: 'store_unavailable',
      message: 'koa-live-session: the store is away',
      cause: 'Error: ECONNREFUSED',
    })
    logged.mockRestore()
  })

  it('has in channels.ts what hears of the store', async () => {
    const logged = jest.spyOn(console, 'log').mockImplementation(() => undefined)
    const listeners: [string, (message: unknown) => void][] = []
    runSnippet('channels.ts', PAGE, {
      subscribe: (name: string, listener: (message: unknown) => void) => {
        listeners.push([name, listener])
        subscribe(name, listener)
      },
    })
    await outage({ onError: () => undefined })
    for (const [name, listener] of listeners) unsubscribe(name, listener)
    expect(logged.mock.calls).toEqual([
      ['the store is down', expect.any(Error)],
      ['the store is good', ''],
    ])
    logged.mockRestore()
  })
})

describe('its telemetry.ts', () => {
  const spans = new InMemorySpanExporter()
  const points = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter: points, exportIntervalMillis: 3_600_000 })
  const meters = new MeterProvider({ readers: [reader] })
  beforeAll(() => {
    metrics.setGlobalMeterProvider(meters)
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }))
  })
  afterAll(async () => {
    await meters.shutdown()
    metrics.disable()
    trace.disable()
  })

  it('exports the state of the store, refusals by code, and an outage as a span', async () => {
    const given = { subscribe, unsubscribe, metrics, trace, SpanStatusCode }
    const { observe } = runSnippet('telemetry.ts', PAGE, given) as {
      observe(): { onError(error: LiveSessionError): void; close(): void }
    }
    const { onError, close } = observe()
    await outage({ onError })
    close()
    const [span, ...others] = spans.getFinishedSpans()
    expect([span?.name, span?.status.code, others]).toEqual(['live_session.store.outage', SpanStatusCode.ERROR, []])
    expect(span?.events.map(({ name }) => name)).toEqual(['down', 'exception', 'good'])

    await reader.forceFlush()
    const exported = points.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
    const values = exported.map(({ descriptor, dataPoints }) => [
      descriptor.name,
      dataPoints.map(({ attributes, value }) => [attributes, value]),
    ])
    expect(Object.fromEntries(values)).toEqual({
      'live_session.refusals': [[{ code: 'store_unavailable' }, 1]],
      'live_session.store': [[{}, 0]],
    })
  })

  itRunsSnippetsOf(PAGE, 'on-error.ts', 'channels.ts', 'telemetry.ts')
})
