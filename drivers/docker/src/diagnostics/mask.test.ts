import { describe, expect, it } from 'vitest';
import { maskLabel, maskText, maskValues, maskVariable } from './mask.ts';

describe('maskVariable', () => {
  it.each([
    ['PLAIN=value', 'PLAIN=value'],
    ['EMPTY=', 'EMPTY='],
    ['NOTHING', 'NOTHING'],
    ['A=b=c', 'A=b=c'],
    ['API_KEY=x', 'API_KEY=***'],
    ['my_secret_name=x', 'my_secret_name=***'],
    ['GithubToken=x', 'GithubToken=***'],
    ['PASSWORD=', 'PASSWORD=***'],
    ['MONKEY=banana', 'MONKEY=***'],
    ['DB_PASSWD=x', 'DB_PASSWD=***'],
    ['DB_PASS=x', 'DB_PASS=***'],
    ['BYPASS_CHECK=x', 'BYPASS_CHECK=x'],
    ['SENTRY_DSN=x', 'SENTRY_DSN=***'],
    ['AWS_CREDENTIALS=x', 'AWS_CREDENTIALS=***'],
    ['PRIVATE_PEM=x', 'PRIVATE_PEM=***'],
    ['PROXY_AUTH=x', 'PROXY_AUTH=***'],
    ['AUTHOR=Ann', 'AUTHOR=Ann'],
    ['OPENSANDBOX_EGRESS_TOKEN=x', 'OPENSANDBOX_EGRESS_TOKEN=***'],
    ['EXECD_ACCESS_TOKEN=x', 'EXECD_ACCESS_TOKEN=***'],
    ['HTTP_PROXY=http://me:pw@proxy:3128', 'HTTP_PROXY=http://***@proxy:3128'],
    ['URLS=redis://:pw@a/0,redis://:pw@b/0', 'URLS=redis://***@a/0,redis://***@b/0'],
    ['REPO=https://ghp_abc@github.com/x', 'REPO=https://***@github.com/x'],
    ['PAGE=https://host/a@b', 'PAGE=https://host/a@b'],
  ])('%s', (variable, wanted) => {
    expect(maskVariable(variable)).toBe(wanted);
  });
});

describe('maskLabel', () => {
  it.each([
    ['opensandbox.io/egress-auth-token', 't', 'opensandbox.io/egress-auth-token=***'],
    ['opensandbox.io/secure-access-token', 't', 'opensandbox.io/secure-access-token=***'],
    ['opensandbox.io/http-port', '41', 'opensandbox.io/http-port=41'],
    ['api-key', 't', 'api-key=***'],
    ['monkey', 'banana', 'monkey=banana'],
    ['org.opencontainers.image.authors', 'Ann', 'org.opencontainers.image.authors=Ann'],
  ])('%s', (key, value, wanted) => {
    expect(maskLabel(key, value)).toBe(wanted);
  });
});

describe('maskText and maskValues', () => {
  it('take time that grows with the text only', () => {
    const began = performance.now();
    maskText('a'.repeat(200_000));
    maskText('http://'.repeat(30_000));
    expect(performance.now() - began).toBeLessThan(1000);
  });

  it('hide values wherever they are, and nothing for no value', () => {
    expect(maskValues('a t0p b t0p', ['t0p', ''])).toBe('a *** b ***');
  });
});
