import { describe, expect, it } from 'vitest';
import { acceptAndClose, closeFrame } from './websocket-refusal.ts';

describe('closeFrame', () => {
  it('cuts a reason to 123 bytes without cutting a character', () => {
    const frame = closeFrame(1011, '你'.repeat(60));
    expect(frame[1]).toBe(frame.length - 2);
    expect(frame.length - 4).toBe(123);
    expect(frame.subarray(4).toString('utf8')).toBe('你'.repeat(41));
    expect(
      closeFrame(1011, `x${'你'.repeat(60)}`)
        .subarray(4)
        .toString('utf8'),
    ).toBe(`x${'你'.repeat(40)}`);
  });

  it('carries the code', () => {
    expect(closeFrame(1008, '')).toEqual(Buffer.from([0x88, 2, 0x03, 0xf0]));
  });
});

describe('acceptAndClose', () => {
  it('proves that it understood the handshake', () => {
    const text = acceptAndClose('dGhlIHNhbXBsZSBub25jZQ==', 1011, 'why').toString('latin1');
    expect(text).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
    expect(text).toContain('\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n');
    expect(text.endsWith('why')).toBe(true);
  });
});
