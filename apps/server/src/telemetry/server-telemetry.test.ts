import { noTracing } from '@opensandbox/telemetry';
import { expect, it } from 'vitest';
import { createServerTelemetry } from './server-telemetry.ts';

it('the metrics of SDKs know the languages there are, and no word that a client makes up', async () => {
  using telemetry = createServerTelemetry({
    tracing: noTracing,
    version: '1',
    runtimeName: 'fake',
    now: () => 0,
    wallNow: () => 0,
    publicCode: ({ code }) => code,
  });
  for (const language of ['js', 'unknown', 'madeup1', 'madeup2']) {
    telemetry.http.sdkCreated({ language, success: true, seconds: 1 });
  }
  const text = await telemetry.http.exposition();
  const counts = text.split('\n').filter((line) => line.startsWith('opensandbox_sdk_create_seconds_count'));
  expect(counts).toEqual([
    'opensandbox_sdk_create_seconds_count{language="js",success="true"} 1',
    'opensandbox_sdk_create_seconds_count{language="unknown",success="true"} 1',
    'opensandbox_sdk_create_seconds_count{language="other",success="true"} 2',
  ]);
});
