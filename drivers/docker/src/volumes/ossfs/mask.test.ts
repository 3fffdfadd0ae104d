import { Secret } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import { maskOutput } from './mask.ts';

const credentials = { accessKeyId: 'LTAI', accessKeySecret: new Secret('s3/cr+et==') };

describe('maskOutput', () => {
  it.each([
    ['plain', 'no access for LTAI with s3/cr+et== today', 'no access for *** with *** today'],
    ['in a URL', 'GET /?key=s3%2Fcr%2Bet%3D%3D', 'GET /?key=***'],
    ['encoded', `basic ${Buffer.from('s3/cr+et==').toString('base64')}`, 'basic ***'],
    ['on several lines', 'one\r\n\u001b[31mtwo\u001b[0m\tLTAI', 'one [31mtwo [0m ***'],
  ])('hides credentials that are %s', (_how, text, masked) => {
    expect(maskOutput({ text, isCut: false }, credentials)).toBe(masked);
  });

  it('drops the end of what was cut, where half a secret may be', () => {
    const text = 'a long story that ends with s3/cr+e';
    expect(maskOutput({ text, isCut: true }, credentials)).not.toContain('s3');
  });

  it('keeps the end of long output: the reason stands there', () => {
    const masked = maskOutput({ text: `${'x'.repeat(2000)} denied`, isCut: false }, credentials);
    expect(masked).toMatch(/^… x+ denied$/);
    expect(masked.length).toBeLessThan(510);
  });
});
