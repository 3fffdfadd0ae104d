import { describe, expect, it } from 'vitest';
import { accountNames } from './account-names.ts';

const accounts = accountNames(
  'root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\n#old:x:7:7::/:\nbad\nworse:x:abc:1::/:\napp:x:1000:1000::/:\n',
  'root:x:0:\nnogroup:x:65534:\nbad::',
);

describe('accountNames', () => {
  it('gives the first name of an id, and the number when there is none', () => {
    expect(accounts.userName(0)).toBe('root');
    expect(accounts.userName(1000)).toBe('app');
    expect(accounts.userName(4711)).toBe('4711');
    expect(accounts.groupName(65534)).toBe('nogroup');
    expect(accounts.groupName(1000)).toBe('1000');
  });

  it('finds ids by name only, and skips lines that are not accounts', () => {
    expect(accounts.uidOf('toor')).toBe(0);
    expect(accounts.gidOf('nogroup')).toBe(65534);
    expect(accounts.uidOf('1000')).toBeUndefined();
    expect(accounts.uidOf('worse')).toBeUndefined();
    expect(accounts.uidOf('#old')).toBeUndefined();
  });
});
