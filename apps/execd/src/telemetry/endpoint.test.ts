import { describe, expect, it } from 'vitest';
import { findEndpoint } from './endpoint.ts';

const nothing = (): undefined => undefined;

describe('findEndpoint', () => {
  it.each([
    ['nothing is said', {}, undefined],
    [
      'metrics have their own, which is taken as it is',
      {
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'http://m:1/path',
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a:2',
        HOST_IP: '10.0.0.1',
      },
      { url: 'http://m:1/path', isGuess: false },
    ],
    [
      'there is one for everything',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://a:2/base/', HOST_IP: '10.0.0.1' },
      { url: 'https://a:2/base/v1/metrics', isGuess: false },
    ],
    [
      'the scheme is left out',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' },
      { url: 'http://collector:4318/v1/metrics', isGuess: false },
    ],
    [
      'only the host is known',
      { OTEL_EXPORTER_OTLP_ENDPOINT: '', HOST_IP: '10.0.0.1' },
      { url: 'http://10.0.0.1:4318/v1/metrics', isGuess: true },
    ],
    [
      'the host has an IPv6 address',
      { HOST_IP: 'fd00::1' },
      { url: 'http://[fd00::1]:4318/v1/metrics', isGuess: true },
    ],
    [
      'what is said is no address',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://', HOST_IP: 'host name' },
      undefined,
    ],
    ['it is switched off', { OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a' }, undefined],
  ])('when %s', (_name, environment, endpoint) => {
    expect(findEndpoint(environment, nothing)).toEqual(endpoint);
  });

  it('takes the first address of the host file when there is no variable', () => {
    const hostInfo = (): string => '# written by the cluster\nnode-1\n10.0.0.2\n10.0.0.3\n';
    expect(findEndpoint({}, hostInfo)).toEqual({ url: 'http://10.0.0.2:4318/v1/metrics', isGuess: true });
    expect(findEndpoint({ HOST_IP: '10.0.0.1' }, hostInfo)?.url).toBe('http://10.0.0.1:4318/v1/metrics');
  });
});
