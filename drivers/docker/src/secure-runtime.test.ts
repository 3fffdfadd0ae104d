import { describe, expect, it } from 'vitest';
import { checkSecureRuntime, findMissingRuntime, runtimeName } from './secure-runtime.ts';

describe('a secure runtime', () => {
  it.each([
    [{ kind: 'gvisor', name: undefined }, 'runsc'],
    [{ kind: 'kata', name: undefined }, 'kata-runtime'],
    [{ kind: 'kata', name: 'kata-fc' }, 'kata-fc'],
  ] as const)('%j has the name %s', (runtime, name) => {
    expect(runtimeName(runtime)).toBe(name);
    expect(findMissingRuntime(runtime, { runc: {}, [name]: {} })).toBeUndefined();
  });

  it('that is missing stops the start, with what is there and what to do', () => {
    const runtime = { kind: 'kata', name: undefined } as const;
    expect(() => checkSecureRuntime(runtime, { Runtimes: { runc: {}, crun: {} } })).toThrow(
      "Configured Docker runtime 'kata-runtime' is not available. Available runtimes: crun, runc. " +
        "secure_runtime.type = 'kata' needs it: install Kata Containers on the engine's host, add " +
        '{"runtimes":{"kata-runtime":{"path":"/usr/bin/kata-runtime"}}} to /etc/docker/daemon.json and restart the ' +
        'engine (systemctl restart docker); or set secure_runtime.docker_runtime to the name of a runtime that it has.',
    );
    expect(findMissingRuntime(runtime, undefined)?.problem).toContain('Available runtimes: none.');
  });
});
