import { describe, expect, it } from 'vitest';
import { agentSandboxNames, labelName, readAgentSandbox } from './agent-sandbox.ts';

describe('labelName', () => {
  it.each([
    ['1234', 'sandbox-1234'],
    ['test-id', 'test-id'],
    ['!!!', 'sandbox-e84c538e'],
    ['My_Sandbox.1', 'my-sandbox-1'],
    [' --a--b-- ', 'a-b'],
    ['3f2c0a5e-1111-4222-8333-444455556666', 'sandbox-3f2c0a5e-1111-4222-8333-444455556666'],
    ['a'.repeat(63), 'a'.repeat(63)],
    ['a'.repeat(70), `${'a'.repeat(54)}-6bd5e503`],
  ])('makes of %s a label that begins with a letter', (id, name) => {
    expect(labelName(id)).toBe(name);
  });

  it('ends no label with two hyphens where it cuts', () => {
    expect(labelName(`${'a'.repeat(53)}-${'b'.repeat(20)}`)).toMatch(/^a{53}-[0-9a-f]{8}$/);
  });
});

describe('agentSandboxNames', () => {
  it.each([
    ['test-id', ['test-id', 'sandbox-test-id']],
    ['1234', ['sandbox-1234', '1234']],
    ['Name', ['name', 'Name', 'sandbox-Name']],
    ['sandbox-x', ['sandbox-x']],
  ])('tries for %s these names, none twice', (id, names) => {
    expect(agentSandboxNames(id)).toEqual(names);
  });
});

const object = (status: unknown, annotations = {}) => ({ metadata: { name: 'a', annotations }, status });
const condition = (type: string, status: string) => ({ type, status, reason: 'r', message: '' });

describe('readAgentSandbox', () => {
  it('dials the service of one that is ready', () => {
    const status = { conditions: [condition('Ready', 'True')], serviceFQDN: 'a.ns.svc.cluster.local' };
    expect(readAgentSandbox(object(status, { 'opensandbox.io/secure-access-token': ' token ' }))).toEqual({
      host: 'a.ns.svc.cluster.local',
      problem: '',
      accessToken: 'token',
    });
  });

  it.each([
    ['no status', undefined],
    ['no conditions', { serviceFQDN: 'a.b' }],
    ['a condition that is false', { conditions: [condition('Ready', 'False')], serviceFQDN: 'a.b' }],
    ['another condition', { conditions: [condition('Finished', 'True'), null], serviceFQDN: 'a.b' }],
    ['no service', { conditions: [condition('Ready', 'True')] }],
    ['a service that is no name', { conditions: [condition('Ready', 'True')], serviceFQDN: 'a.b/../c:80' }],
  ])('dials nothing with %s', (_what, status) => {
    const seen = readAgentSandbox(object(status));
    expect(seen.host).toBeUndefined();
    expect(seen.problem).not.toBe('');
  });
});
