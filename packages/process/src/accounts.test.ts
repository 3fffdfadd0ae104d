import { describe, expect, it } from 'vitest';
import { credentialsFor, parseGroup, parsePasswd } from './accounts.ts';

const ACCOUNTS = {
  users: parsePasswd(
    'root:x:0:0:root:/root:/bin/sh\n# note\nbroken\nweb:x:33:33::/var/www:/bin/sh\n:x:1:1:::\n',
  ),
  groups: parseGroup('root:x:0:\nweb:x:33:\nlogs:x:40:web,root\nbad:x:no:web\ntty:x:5:web\n'),
};

describe('account files', () => {
  it('are read line by line; broken lines are skipped', () => {
    expect(ACCOUNTS.users).toEqual([
      { name: 'root', uid: 0, gid: 0, home: '/root' },
      { name: 'web', uid: 33, gid: 33, home: '/var/www' },
    ]);
    expect(ACCOUNTS.groups.map((group) => group.gid)).toEqual([0, 33, 40, 5]);
  });
});

describe('credentialsFor', () => {
  it.each([
    ['an account', { uid: 33, gid: undefined }, { uid: 33, gid: 33, groups: [33, 40, 5] }],
    ['an account and a group', { uid: 33, gid: 7 }, { uid: 33, gid: 7, groups: [7, 40, 5] }],
    ['an id without account', { uid: 99, gid: undefined }, { uid: 99, gid: 99, groups: [99] }],
    ['an id without account and a group', { uid: 99, gid: 7 }, { uid: 99, gid: 7, groups: [7] }],
  ])('finds the groups of %s', (_name, wanted, credentials) => {
    expect(credentialsFor(wanted, ACCOUNTS)).toEqual(credentials);
  });
});
