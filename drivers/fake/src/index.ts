export type { FakeConfig } from './config.ts';
export { fakeConfig } from './config.ts';
export type { FakeDeps, FakeDriver } from './driver.ts';
export { openFakeDriver } from './driver.ts';
export type { Verb } from './engine.ts';
export { FakeEngine } from './engine.ts';
export type { FakeProbeOptions } from './probe.ts';
export { openFakeProbe } from './probe.ts';
