import type { Attributes, Meter } from '@opentelemetry/api';
import { OTLPMetricExporter as JsonExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtobufExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { busyPercent } from '../metrics/read-metrics.ts';
import { readMemory, readTicks } from '../metrics/sample-metrics.ts';
import { VERSION } from '../version.ts';
import type { Instruments } from './instruments.ts';
import { readSystem } from './system-readings.ts';

export interface MeterOptions {
  readonly url: string;
  readonly isJson: boolean;
  readonly intervalMs: number;
  /** Said with every measurement. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface SdkMeters {
  readonly instruments: Instruments;
  /** Sends what is left. */
  close(): Promise<void>;
}

export type OpenMeters = (options: MeterOptions) => SdkMeters;

const LONGEST_EXPORT_MS = 10_000;

/** The agent's meters on the OpenTelemetry SDK. Headers, compression and certificates it reads for itself. */
export const openMeters: OpenMeters = (options) => {
  const { url, isJson, intervalMs } = options;
  const timeoutMillis = Math.min(LONGEST_EXPORT_MS, intervalMs);
  const settings = { url, timeoutMillis, temporalityPreference: AggregationTemporality.CUMULATIVE };
  const exporter = isJson ? new JsonExporter(settings) : new ProtobufExporter(settings);
  const provider = new MeterProvider({
    resource: resourceFromAttributes({
      'service.name': `opensandbox-execd-${VERSION}`,
      'service.version': VERSION,
    }),
    readers: [
      new PeriodicExportingMetricReader({
        exporter,
        exportIntervalMillis: intervalMs,
        exportTimeoutMillis: timeoutMillis,
      }),
    ],
  });
  const meter = provider.getMeter('opensandbox/execd', VERSION);
  watchSystem(meter, options.attributes);
  return {
    instruments: createInstruments(meter, options.attributes),
    close: () => provider.shutdown(),
  };
};

/** From what a request usually takes to what a long execution takes. */
const BOUNDARIES_S = [
  0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200,
];

function createInstruments(meter: Meter, common: Attributes): Instruments {
  const duration = (name: string, description: string) => {
    const advice = { explicitBucketBoundaries: BOUNDARIES_S };
    const histogram = meter.createHistogram(name, { unit: 's', description, advice });
    return (durationMs: number, attributes: Attributes): void =>
      histogram.record(durationMs / 1000, { ...common, ...attributes });
  };
  const requests = duration('execd.http.request.duration', 'Requests, from their first byte to the end.');
  const executions = duration('execd.execution.duration', 'Commands and code.');
  const filesystem = duration('execd.filesystem.operations.duration', 'Operations on files.');
  return {
    request: ({ method, route, status }, ms) =>
      requests(ms, { http_method: method, http_route: route, http_status_code: status }),
    execution: (operation, result, ms) => executions(ms, { operation, result }),
    filesystem: (operation, result, ms) => filesystem(ms, { operation, result }),
  };
}

/** The system is read once for all that is told about it, each time measurements are sent. */
function watchSystem(meter: Meter, common: Attributes): void {
  const processes = meter.createObservableGauge('execd.system.process.count', { unit: '{process}' });
  const cpu = meter.createObservableGauge('execd.system.cpu.usage', { unit: '%' });
  const memory = meter.createObservableGauge('execd.system.memory.usage_bytes', { unit: 'By' });
  const connections = meter.createObservableGauge('execd.system.network.connections.active', {
    unit: '{connection}',
  });
  const traffic = meter.createObservableCounter('execd.system.network.io.bytes', { unit: 'By' });
  let before = readTicks();
  meter.addBatchObservableCallback(
    async (result) => {
      const ticks = readTicks();
      const system = await readSystem();
      result.observe(processes, system.processes, common);
      result.observe(cpu, busyPercent(before, ticks), common);
      result.observe(memory, readMemory().usedBytes, common);
      result.observe(connections, system.tcpConnections, { ...common, protocol: 'tcp' });
      result.observe(connections, system.udpConnections, { ...common, protocol: 'udp' });
      result.observe(traffic, system.network.received, { ...common, direction: 'receive' });
      result.observe(traffic, system.network.sent, { ...common, direction: 'transmit' });
      before = ticks;
    },
    [processes, cpu, memory, connections, traffic],
  );
}
