import { SEALED_HEAD, headerIn, openRequest, sealAnswer } from '@opensandbox/http';
import { describe, expect, it } from 'vitest';
import { isAgentPath, readAgentsAnswer, sealForAgent } from './agent-hop.ts';

describe('a request that goes through the agent', () => {
  it.each([
    ['/proxy/3000', true],
    ['', false],
    ['/sandboxes/a/proxy/3000', false],
    ['/proxy/3000/x', false],
  ])('is one with the base path %j: %s', (basePath, isOne) => {
    expect(isAgentPath(basePath)).toBe(isOne);
  });

  it('carries its head besides, with the target that the service is to see', () => {
    const headers = ['X-Dup', '1', 'X-Dup', '2'];
    const plain = { name: 'n', host: 'h', port: 1, path: '/proxy/3000/a|b', headers };
    const sealed = sealForAgent(plain, 'PUT', '/proxy/3000');
    expect(openRequest(headerIn(sealed.headers, SEALED_HEAD) ?? null)).toEqual({
      method: 'PUT',
      target: '/a|b',
      rawHeaders: headers,
    });
  });

  it('has the head of the service in its answer', () => {
    const rawHeaders = ['X-Dup', '1', 'X-Dup', '2'];
    const seal = sealAnswer(rawHeaders, false) ?? '';
    expect(readAgentsAnswer('n', { status: 200, rawHeaders: ['X-Dup', '1, 2', SEALED_HEAD, seal] })).toEqual({
      status: 200,
      rawHeaders,
    });
    expect(readAgentsAnswer('n', { status: 200, rawHeaders })).toEqual({ status: 200, rawHeaders });
  });

  it('fails when the agent says that nobody is there', () => {
    const head = { status: 502, rawHeaders: ['opensandbox-execd-proxy', 'refused'] };
    expect(() => readAgentsAnswer('port 1 of sandbox a', head)).toThrow(
      'nothing listens on port 1 of sandbox a',
    );
  });
});
