/**
 * Ready listeners for `on`: counts of what happens to sessions, for Prometheus (`prom-client`) and OpenTelemetry (`@opentelemetry/api`).
 * Both are taken by their shapes. Labels have few values, and there is no data of a session in them.
 */
import type { Duration } from '../../shared/define-session.js'
import { checkDuration, checkNames, type OptionNames } from '../../shared/option-names.js'
import type { ReadStats, SessionEvent, SessionEventListener } from '../core/events.js'

/** Names of metrics, and what tells when a key can go. */
export interface TelemetryOptions {
  /**
   * How the names of all metrics begin.
   *
   * @defaultValue `sessionglass_` for Prometheus, `sessionglass.` for OpenTelemetry
   */
  prefix?: string
  /** Of `createReadStats()`: the listener feeds it, and tells for each codec and key that does not write whether it can go. */
  stats?: ReadStats
  /**
   * With `stats`: nothing may have needed the key for so long, as long as a session lasts.
   *
   * @defaultValue 14 days
   */
  olderThan?: Duration
}

/** Names of metrics, and where they are registered. */
export interface PrometheusOptions extends TelemetryOptions {
  /**
   * The registry.
   *
   * @defaultValue that of `prom-client`
   */
  register?: unknown
}

/** The part of the package `prom-client` that is used. */
export interface PrometheusClient {
  /** The class of counters. */
  readonly Counter: new (
    options: MetricOptions,
  ) => { inc(labels: Labels): void }
  /** The class of histograms. */
  readonly Histogram: new (
    options: MetricOptions & { buckets: number[] },
  ) => { observe(labels: Labels, value: number): void }
  /** The class of gauges. */
  readonly Gauge: new (
    options: MetricOptions & { collect?: () => void },
  ) => { set(labels: Labels, value: number): void }
}

// biome-ignore lint/suspicious/noExplicitAny: the class of a registry is that of the package
type Registers = any[]
type MetricOptions = { name: string; help: string; labelNames: string[]; registers?: Registers }
type Labels = Record<string, string>

/** The part of `@opentelemetry/api` that is used. */
export interface OpenTelemetryApi {
  /** Makes counters, histograms and gauges. */
  readonly metrics: {
    getMeter(name: string): {
      createCounter(name: string, options?: Described): { add(value: number, attributes?: Labels): void }
      createHistogram(name: string, options?: Described): { record(value: number, attributes?: Labels): void }
      createGauge(name: string, options?: Described): { record(value: number, attributes?: Labels): void }
      createObservableGauge(
        name: string,
        options?: Described,
      ): { addCallback(observe: (result: { observe(value: number, attributes?: Labels): void }) => void): void }
    }
  }
  /** Gives the active span. */
  readonly trace: { getActiveSpan(): { addEvent(name: string, attributes?: Labels): unknown } | undefined }
}

type Described = { description?: string; unit?: string }

const COMMON: OptionNames<TelemetryOptions> = { prefix: 1, stats: 1, olderThan: 1 }
const DEFAULT_AGE = '14d'
const TEXTS = {
  events: 'What happened to sessions',
  bytes: 'Bytes of name and value of session cookies that were read or written',
  keys: 'Keys of a codec after they were loaded',
  retire: '1 if nothing has needed this codec and key for as long as a session lasts',
} as const
/** Up to what a browser keeps, and what several cookies hold. */
const BUCKETS: readonly number[] = [256, 512, 1024, 2048, 3072, 4096, 8192, 16_384]

/**
 * Counts events for Prometheus: `sessionglass_events_total`, `sessionglass_cookie_bytes`, `sessionglass_keys`, and with `stats`
 * `sessionglass_safe_to_retire`.
 *
 * @param client - the package `prom-client`
 * @returns a listener for the option `on`
 * @throws {TypeError} for something else than the package, and for unknown options
 * @since 0.1.0
 * @example
 * const sessions = createSessions({ secrets, expose: false, on: prometheusListener(client) })
 */
export function prometheusListener(client: PrometheusClient, options: PrometheusOptions = {}): SessionEventListener {
  checkNames(options, { ...COMMON, register: 1 }, 'prometheusListener')
  if (typeof client?.Counter !== 'function') throw new TypeError('prometheusListener takes the package prom-client')
  const { prefix = 'sessionglass_', register } = options
  const metric = (name: keyof typeof TEXTS, full: string, labelNames: string[]): MetricOptions => ({
    name: prefix + full,
    help: TEXTS[name],
    labelNames,
    ...(register !== undefined && { registers: [register] }),
  })
  const events = new client.Counter(metric('events', 'events_total', ['cookie', 'type', 'codec', 'key', 'code']))
  const bytes = new client.Histogram({
    ...metric('bytes', 'cookie_bytes', ['cookie', 'codec', 'type']),
    buckets: [...BUCKETS],
  })
  const keys = new client.Gauge(metric('keys', 'keys', ['cookie', 'codec']))
  const rows = retiring(options)
  if (rows) {
    const gauge = new client.Gauge({
      ...metric('retire', 'safe_to_retire', ['codec', 'key']),
      collect: () => {
        for (const { labels, value } of rows()) gauge.set(labels, value)
      },
    })
  }
  return listener(options, {
    count: (labels) => events.inc(labels),
    size: (labels, value) => bytes.observe(labels, value),
    keys: (labels, value) => keys.set(labels, value),
  })
}

/**
 * Counts events for OpenTelemetry (`sessionglass.events`, `sessionglass.cookie.size`, `sessionglass.keys`, and with `stats`
 * `sessionglass.safe_to_retire`), and adds each to the active span (`session.read`, `session.rejected` …).
 *
 * @param api - the package `@opentelemetry/api`, with an SDK set up
 * @returns a listener for the option `on`
 * @throws {TypeError} for something else than the package, and for unknown options
 * @since 0.1.0
 * @example
 * const sessions = createSessions({ secrets, expose: false, on: openTelemetryListener(api) })
 */
export function openTelemetryListener(api: OpenTelemetryApi, options: TelemetryOptions = {}): SessionEventListener {
  checkNames(options, COMMON, 'openTelemetryListener')
  if (typeof api?.metrics?.getMeter !== 'function') {
    throw new TypeError('openTelemetryListener takes the package @opentelemetry/api')
  }
  const { prefix = 'sessionglass.' } = options
  const meter = api.metrics.getMeter('sessionglass')
  const events = meter.createCounter(`${prefix}events`, { description: TEXTS.events })
  const bytes = meter.createHistogram(`${prefix}cookie.size`, { description: TEXTS.bytes, unit: 'By' })
  const keys = meter.createGauge(`${prefix}keys`, { description: TEXTS.keys })
  const rows = retiring(options)
  if (rows) {
    meter.createObservableGauge(`${prefix}safe_to_retire`, { description: TEXTS.retire }).addCallback((result) => {
      for (const { labels, value } of rows()) result.observe(value, labels)
    })
  }
  return listener(options, {
    count(labels) {
      const attributes = Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''))
      events.add(1, attributes)
      const { type, ...more } = attributes
      api.trace.getActiveSpan()?.addEvent(`session.${type}`, more)
    },
    size: (labels, value) => bytes.record(value, labels),
    keys: (labels, value) => keys.record(value, labels),
  })
}

interface Instruments {
  count(labels: Labels): void
  size(labels: Labels, bytes: number): void
  keys(labels: Labels, count: number): void
}

function listener({ stats }: TelemetryOptions, { count, size, keys }: Instruments): SessionEventListener {
  const cookies = createBound()
  const codecs = createBound()
  return (event) => {
    stats?.on(event)
    const cookie = cookies(event.cookie)
    const codec = codecs(event.codec ?? '')
    const { type, code = '', bytes, keyCount } = event
    count({ cookie, type, codec, key: keyOf(event), code })
    if (bytes !== undefined && (type === 'read' || type === 'committed')) size({ cookie, codec, type }, bytes)
    if (keyCount !== undefined) keys({ cookie, codec }, keyCount)
  }
}

/** By its place: the ids of another server's keys are new with each rotation. */
function keyOf({ keyIndex }: Pick<SessionEvent, 'keyIndex'>): string {
  return keyIndex === undefined ? '' : String(keyIndex)
}

/** Values of one label. A server has few cookies and codecs; what comes after them is `other`. */
const MAX_LABELS = 100

function createBound(): (value: string) => string {
  const known = new Set<string>()
  return (value) => {
    if (!known.has(value) && known.size >= MAX_LABELS) return 'other'
    known.add(value)
    return value
  }
}

/** What `safeToRetire` says of each codec and key that was read and does not write. */
function retiring({
  stats,
  olderThan = DEFAULT_AGE,
}: TelemetryOptions): (() => { labels: Labels; value: number }[]) | undefined {
  checkDuration(olderThan, 'olderThan')
  if (!stats) return undefined
  return () => {
    const old = stats.rows().filter(({ codecIndex, keyIndex = 0 }) => codecIndex > 0 || keyIndex > 0)
    const bound = createBound()
    return old.map(({ codec, keyIndex }) => ({
      labels: { codec: bound(codec), key: keyOf(keyIndex === undefined ? {} : { keyIndex }) },
      value: stats.safeToRetire(olderThan, { codec, ...(keyIndex !== undefined && { keyIndex }) }) ? 1 : 0,
    }))
  }
}
