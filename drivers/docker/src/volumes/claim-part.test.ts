import { isFault } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import type { Part } from './claim-part.ts';
import { checkPart, checkPartOf } from './claim-part.ts';

function part(subPath: string): Part {
  const unsaid = { storageClass: undefined, storage: undefined, accessModes: undefined };
  const source = {
    kind: 'claim',
    claimName: 'claim',
    createIfMissing: true,
    deleteWithSandbox: false,
  } as const;
  return { name: 'v', mountPath: '/v', readOnly: false, subPath, source: { ...source, ...unsaid } };
}

function refusal(subPath: string, obstacle?: string): string | undefined {
  try {
    checkPart(part(subPath), obstacle);
    return undefined;
  } catch (error) {
    if (!isFault(error, 'invalid')) throw error;
    return error.code;
  }
}

describe('checkPart', () => {
  it.each(['a', 'a/b/', './a', '..a/b', 'a:b'])('takes %j', (subPath) => {
    expect(refusal(subPath)).toBeUndefined();
  });

  it.each(['/a', '..', 'a/../../b', 'a\nb'])('refuses %j', (subPath) => {
    expect(refusal(subPath)).toBe('volume.sub_path');
  });

  it('refuses every part when the engine is elsewhere', () => {
    expect(refusal('a', 'the engine is elsewhere')).toBe('volume.sub_path_unsupported');
  });
});

describe('checkPartOf', () => {
  it.each([
    [{ Driver: 'flocker', Mountpoint: '/mnt/x' }, "its driver is 'flocker'"],
    [{ Driver: 'local' }, 'no mount point'],
    [{ Driver: 'local', Mountpoint: '/mnt/x', Options: { type: 'nfs' } }, 'mounted from elsewhere'],
    [
      { Driver: 'local', Mountpoint: '/mnt/x', Options: { device: '/srv', o: 'bind' } },
      'mounted from elsewhere',
    ],
  ])('refuses %j', async (found, why) => {
    const checking = checkPartOf(part('a'), { Name: 'claim', ...found });
    await expect(checking).rejects.toMatchObject({ code: 'volume.sub_path_unsupported' });
    await expect(checking).rejects.toThrow(why);
  });
});
