export { driverConformance } from './driver-conformance.ts';
export type {
  ConformanceOptions,
  DriverHarness,
  OpenDriverHarness,
  Outsider,
  SpecWish,
} from './driver-harness.ts';
export type { EventWatch } from './event-watch.ts';
export { shows, showsGone, watchEvents } from './event-watch.ts';
export { FakeClock, settle } from './fake-clock.ts';
export type { ApiAnswer, Cluster, ClusterOptions, ClusterTokens } from './kubernetes/cluster.ts';
export { ADMIN_TOKEN, buildKubernetes, openCluster } from './kubernetes/cluster.ts';
export { installCustomResources } from './kubernetes/custom-resources.ts';
export type { LeakCheck } from './leak-check.ts';
export { leakCheck } from './leak-check.ts';
export type { LogCapture, LogLine } from './log-capture.ts';
export { captureLog } from './log-capture.ts';
export { newSandboxId, sampleRecord, sampleSpec } from './sample-records.ts';
export { MemorySnapshotStore } from './memory-snapshot-store.ts';
export { MemoryStore } from './memory-store.ts';
export type { SnapshotHarness } from './snapshot-conformance.ts';
export { snapshotConformance } from './snapshot-conformance.ts';
export type { SnapshotStoreHarness } from './snapshot-store-conformance.ts';
export { sampleSnapshot, snapshotStoreConformance } from './snapshot-store-conformance.ts';
export type { StoreHarness } from './store-conformance.ts';
export { storeConformance } from './store-conformance.ts';
export { parseExposition } from './exposition.ts';
export type { ExposedMetric, ExposedSample } from './exposition.ts';
export { openOtlpCollector } from './otlp-collector.ts';
export type { CollectedRequest, CollectedSpan, OtlpCollector } from './otlp-collector.ts';
