import { describe, expect, it } from 'vitest';
import { withAdvice } from './pull-advice.ts';

describe('advice on a failed pull', () => {
  it.each([
    ['Head "http://r/v2/app/manifests/v1": no basic auth credentials', 'credentials'],
    ['pull access denied for app, repository does not exist or may require docker login', 'credentials'],
    ['unauthorized: authentication required', 'credentials'],
    ['manifest for r/app:v9 not found: manifest unknown: manifest unknown', 'tag or digest'],
    ['no matching manifest for linux/arm64/v8 in the manifest list entries', 'platform'],
    ['filesystem layer verification failed for digest sha256:00', 'damaged data'],
    ['failed to register layer: write /x: no space left on device', 'disk space'],
    ['received unexpected HTTP status: 500 Internal Server Error', 'problem of its own'],
    ['Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused', 'is up'],
    ['Get "http://r/v2/": read tcp 1->2: read: connection reset by peer', 'is up'],
    ['unexpected EOF', 'is up'],
    ['Get "https://r/v2/": http: server gave HTTP response to HTTPS client', 'insecure-registries'],
    ['Get "https://r/v2/": x509: certificate signed by unknown authority', 'certs.d'],
    ['invalid reference format', 'how the image'],
    ['toomanyrequests: You have reached your pull rate limit', 'counts pulls'],
    ['something else', "engine's log"],
  ])('for "%s" speaks of %s', (reason, about) => {
    const text = withAdvice(reason);
    expect(text.startsWith(`${reason}. `)).toBe(true);
    expect(text).toContain(about);
  });

  it('does not end the reason twice', () => {
    expect(withAdvice('No such image.\n')).toMatch(/^No such image\. \S/);
  });
});
