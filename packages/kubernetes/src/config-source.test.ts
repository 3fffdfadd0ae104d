import { describe, expect, it } from 'vitest';
import { chooseConfigSource } from './config-source.ts';
import type { SourceInput } from './config-source.ts';

const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';
const POD = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '6443' };

function choose(input: Partial<SourceInput>, files: readonly string[] = []) {
  return chooseConfigSource({ env: {}, exists: (path) => files.includes(path), ...input });
}

describe('chooseConfigSource', () => {
  it('takes what is named before all else', () => {
    const env = { ...POD, HOME: '/home/me', KUBECONFIG: '/other' };
    expect(choose({ kubeconfig: '~/config:/more', env, context: 'c' }, [TOKEN])).toEqual({
      from: 'files',
      paths: ['/home/me/config', '/more'],
      context: 'c',
    });
  });

  it('takes the variable before the pod, and an empty one for none', () => {
    const env = { ...POD, KUBECONFIG: '/a' };
    expect(choose({ env }, [TOKEN])).toMatchObject({ paths: ['/a'] });
    expect(choose({ env: { ...env, KUBECONFIG: '' } }, [TOKEN])).toMatchObject({ from: 'service_account' });
  });

  it.each([
    ['10.0.0.1', '6443', 'https://10.0.0.1:6443'],
    ['fd00::1', '443', 'https://[fd00::1]:443'],
    ['kubernetes.default', undefined, 'https://kubernetes.default:443'],
  ])('takes the service account of a pod at %s', (host, port, server) => {
    const env = { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port };
    expect(choose({ env }, [TOKEN])).toMatchObject({ from: 'service_account', server });
  });

  it('takes the file in the home directory last', () => {
    const own = '/home/me/.kube/config';
    const env = { ...POD, HOME: '/home/me' };
    expect(choose({ env }, [own])).toEqual({ from: 'files', paths: [own], context: undefined });
    expect(choose({ env })).toBeUndefined();
  });
});
