/** The ready listeners, with the real prom-client and OpenTelemetry: what is counted, and that no value of a session is. */
import * as api from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import * as prometheus from 'prom-client'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import {
  beaker,
  beakerJwt,
  createReadStats,
  createSessions,
  openTelemetryListener,
  prometheusListener,
  type SessionEventListener,
  type TelemetryOptions,
} from '../../src/server/index.js'

const SECRET = 'a-secret-that-only-this-test-has-of-some-fifty-bytes'
const OLD = 'an-old-secret-that-only-this-test-has-of-some-fifty-bytes'
const DAY = 86_400_000

/** A sign-in, a request with that cookie, one with a forged cookie, one with a cookie of Beaker, and one by the former secret. */
async function traffic(on: SessionEventListener, clock: () => Date): Promise<void> {
  const codecs = [beakerJwt({ secrets: [SECRET, OLD] }), beaker({ validateKey: OLD })]
  const sessions = createSessions({ codecs, expose: false, on, clock })
  const cookieOf = async (own: typeof sessions): Promise<string> => {
    const session = await own.load('')
    Object.assign(session.data, { user: 'dave-the-visitor' })
    const [cookie = ''] = await own.commit(session)
    return cookie.split(';', 1)[0] ?? ''
  }
  await sessions.load(await cookieOf(sessions))
  await sessions.load(`${(await cookieOf(sessions)).slice(0, -8)}AAAAAAAA`)
  for (const codec of [beaker({ validateKey: OLD }), beakerJwt({ secrets: OLD })]) {
    await sessions.load(await cookieOf(createSessions({ codecs: [codec], expose: false, clock })))
  }
}

/** Two processes' worth of time: the former key was needed a month ago, or today. */
function statsOf(): { stats: NonNullable<TelemetryOptions['stats']>; clock: () => Date; pass(days: number): void } {
  let now = Date.now()
  const clock = (): Date => new Date(now)
  const pass = (days: number): void => {
    now += days * DAY
  }
  return { stats: createReadStats({ clock }), clock, pass }
}

describe('prometheusListener', () => {
  let register: prometheus.Registry
  beforeEach(() => {
    register = new prometheus.Registry()
  })

  test('counts events, sizes and what can go', async () => {
    const { stats, clock, pass } = statsOf()
    await traffic(prometheusListener(prometheus, { register, stats }), clock)
    const text = await register.metrics()
    const value = (line: string): string | undefined =>
      text
        .split('\n')
        .find((one) => one.startsWith(line))
        ?.split(' ')
        .at(-1)
    const name = 'cookie="beaker.session.id"'
    expect(value(`sessionglass_events_total{${name},type="read",codec="beakerJwt",key="0",code=""}`)).toBe('1')
    expect(value(`sessionglass_events_total{${name},type="read",codec="beakerJwt",key="1",code=""}`)).toBe('1')
    expect(value(`sessionglass_events_total{${name},type="read",codec="beaker",key="0",code=""}`)).toBe('1')
    expect(value(`sessionglass_events_total{${name},type="committed",codec="beakerJwt",key="0",code=""}`)).toBe('2')
    expect(
      value(`sessionglass_events_total{${name},type="rejected",codec="",key="",code="ERR_SESSION_SIGNATURE"}`),
    ).toBe('1')
    expect(text).toMatch(/sessionglass_cookie_bytes_count\{[^}]*type="read"[^}]*\} [12]/)
    expect(text).toContain('sessionglass_safe_to_retire{codec="beaker",key="0"} 0')
    pass(20)
    const later = await register.metrics()
    expect(later).toContain('sessionglass_safe_to_retire{codec="beaker",key="0"} 1')
    expect(later).toContain('sessionglass_safe_to_retire{codec="beakerJwt",key="1"} 1')
    expect(later).not.toMatch(/safe_to_retire\{codec="beakerJwt",key="0"/)
    expect(later).not.toMatch(/dave|kid=/)
  })

  test('a label has a hundred values, and then "other"', async () => {
    const on = prometheusListener(prometheus, { register })
    for (let at = 0; at < 102; at++) on({ type: 'read', codec: `codec${at}`, cookie: 'app', time: new Date() })
    const text = await register.metrics()
    expect(text).toContain('codec="codec99"')
    expect(text).not.toContain('codec="codec100"')
    expect(text).toContain('sessionglass_events_total{cookie="app",type="read",codec="other",key="",code=""} 2')
  })

  test('refuses what is not the package, and unknown options', () => {
    expect(() => prometheusListener({} as never)).toThrow('takes the package prom-client')
    expect(() => prometheusListener(prometheus, { registry: register } as never)).toThrow('Did you mean "register"?')
  })
})

describe('openTelemetryListener', () => {
  const metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 3_600_000 })
  const meters = new MeterProvider({ readers: [reader] })
  const spans = new InMemorySpanExporter()
  const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] })
  afterAll(async () => {
    await meters.shutdown()
    await tracers.shutdown()
  })

  test('counts events, sizes and what can go, and tells the active span', async () => {
    const { stats, clock, pass } = statsOf()
    const span = tracers.getTracer('test').startSpan('request')
    // What a context manager of the SDK does.
    const trace = { getActiveSpan: () => span }
    const on = openTelemetryListener({ metrics: meters, trace }, { stats })
    await traffic(on, clock)
    pass(20)
    span.end()
    await reader.forceFlush()
    const all =
      metrics
        .getMetrics()
        .at(-1)
        ?.scopeMetrics.flatMap((scope) => scope.metrics) ?? []
    const points = (name: string) => all.find(({ descriptor }) => descriptor.name === name)?.dataPoints ?? []
    const cookie = 'beaker.session.id'
    const event = (attributes: object) =>
      points('sessionglass.events').find((point) => {
        return (
          JSON.stringify(Object.entries(point.attributes).sort()) ===
          JSON.stringify(Object.entries({ cookie, ...attributes }).sort())
        )
      })?.value
    expect(event({ type: 'read', codec: 'beaker', key: '0' })).toBe(1)
    expect(event({ type: 'committed', codec: 'beakerJwt', key: '0' })).toBe(2)
    expect(event({ type: 'rejected', code: 'ERR_SESSION_SIGNATURE' })).toBe(1)
    expect(points('sessionglass.cookie.size').length).toBeGreaterThan(0)
    expect(points('sessionglass.safe_to_retire').map(({ attributes, value }) => [attributes.codec, value])).toEqual(
      expect.arrayContaining([
        ['beaker', 1],
        ['beakerJwt', 1],
      ]),
    )
    const [finished] = spans.getFinishedSpans()
    expect(finished?.events.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['session.read', 'session.committed', 'session.rejected']),
    )
    expect(JSON.stringify([all, finished?.events])).not.toContain('dave')
  })

  test('takes the package as it is, without an SDK too', () => {
    const on = openTelemetryListener(api)
    on({ type: 'read', codec: 'jwt', cookie: 'app', time: new Date(), bytes: 100 })
    expect(() => openTelemetryListener({} as never)).toThrow('takes the package @opentelemetry/api')
  })
})
