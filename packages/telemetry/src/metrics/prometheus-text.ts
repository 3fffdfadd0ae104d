import { ValueType } from '@opentelemetry/api';
import type { HrTime } from '@opentelemetry/api';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { emptyResource } from '@opentelemetry/resources';
import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics';
import type { DataPoint, MetricData } from '@opentelemetry/sdk-metrics';
import type { Family, HistogramValue, Series } from './family.ts';

const NO_TIME: HrTime = [0, 0];
/** No `target_info` and no scope labels: whoever scrapes knows what it scrapes. */
const serializer = new PrometheusSerializer(undefined, false, undefined, true, true);

/** The text format 0.0.4. */
export function writeExposition(families: readonly Family[]): string {
  const scope = { name: 'opensandbox' };
  const resourceMetrics = {
    resource: emptyResource(),
    scopeMetrics: [{ scope, metrics: families.map(toMetric) }],
  };
  return serializer.serialize(resourceMetrics);
}

function toMetric(family: Family): MetricData {
  const { name, help } = family;
  const descriptor = { name, description: help, unit: '', valueType: ValueType.DOUBLE };
  const common = { descriptor, aggregationTemporality: AggregationTemporality.CUMULATIVE };
  if (family.kind === 'histogram') {
    const dataPoints = family.series.map((series) => toPoint(series, toHistogram(series.value)));
    return { ...common, dataPointType: DataPointType.HISTOGRAM, dataPoints };
  }
  const dataPoints = family.series.map((series) => toPoint(series, series.value));
  if (family.kind === 'gauge') return { ...common, dataPointType: DataPointType.GAUGE, dataPoints };
  return { ...common, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints };
}

function toPoint<Value>({ labels }: Series<unknown>, value: Value): DataPoint<Value> {
  return { startTime: NO_TIME, endTime: NO_TIME, attributes: { ...labels }, value };
}

function toHistogram({ bounds, counts, sum, count }: HistogramValue) {
  return { buckets: { boundaries: [...bounds], counts: [...counts] }, sum, count };
}
