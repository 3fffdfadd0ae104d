import { describe, expect, it } from 'vitest';
import { readTraceSettings } from './trace-settings.ts';

const NAMED = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' };

describe('readTraceSettings', () => {
  it.each([
    ['nothing is said', {}],
    ['the SDK is switched off', { ...NAMED, OTEL_SDK_DISABLED: 'TRUE' }],
    ['traces are exported nowhere', { ...NAMED, OTEL_TRACES_EXPORTER: 'none' }],
    ['the endpoint is blank', { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }],
    ['metrics alone have an endpoint', { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://c:4318/v1/metrics' }],
  ])('is off when %s', (_name, env) => {
    expect(readTraceSettings(env)).toBeUndefined();
  });

  it.each([
    [NAMED, 'http://c:4318/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c/base/' }, 'https://c/base/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'c:4318' }, 'http://c:4318/v1/traces'],
    [{ ...NAMED, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://t/as/is' }, 'http://t/as/is'],
  ])('%j sends to %s', (env, url) => {
    expect(readTraceSettings(env)?.url).toBe(url);
  });

  it('reads headers, the service and the resource, percent-decoded; those for traces win', () => {
    expect(
      readTraceSettings({
        ...NAMED,
        OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20x, a=1,broken',
        OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'a=2',
        OTEL_RESOURCE_ATTRIBUTES: 'service.name=res,zone=a%2Cb',
        OTEL_SERVICE_NAME: 'named',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      }),
    ).toMatchObject({
      headers: { authorization: 'Bearer x', a: '2' },
      serviceName: 'named',
      resource: { 'service.name': 'res', zone: 'a,b' },
      isJson: true,
      complaints: [],
    });
  });

  it.each([
    [undefined, undefined, { kind: 'on', ratio: 1, followsParent: true }],
    ['always_off', undefined, { kind: 'off', ratio: 0, followsParent: false }],
    ['traceidratio', '0.25', { kind: 'ratio', ratio: 0.25, followsParent: false }],
    ['parentbased_traceidratio', undefined, { kind: 'ratio', ratio: 1, followsParent: true }],
  ])('the sampler %s with %s is %j', (name, arg, sampler) => {
    const env = { ...NAMED, OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: arg };
    expect(readTraceSettings(env)).toMatchObject({ sampler, complaints: [] });
  });

  it.each([
    ['a sampler nobody knows', { ...NAMED, OTEL_TRACES_SAMPLER: 'toString' }, 'OTEL_TRACES_SAMPLER'],
    [
      'a part above one',
      { ...NAMED, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' },
      'ARG',
    ],
    ['gRPC', { ...NAMED, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, 'http/protobuf'],
    ['an endpoint that is none', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://' }, 'URL'],
  ])('complains of %s', (_name, env, about) => {
    expect(readTraceSettings(env)?.complaints.join()).toContain(about);
  });
});
