import { expect, it } from 'vitest';
import { formatCommitChanges } from './commit-changes.ts';

const NOTHING = { Env: [], Labels: {}, Entrypoint: [], Cmd: [] };

it('formatCommitChanges empties what the container alone was started with', () => {
  const started = { Env: ['PATH=/bin', 'SECRET=hunter2'], Labels: { kept: 'yes', 'own.io/id': 'x' } };
  const config = {
    ...NOTHING,
    Env: ['PATH=/bin', 'SECRET='],
    Labels: { kept: 'yes', 'own.io/id': '', 'own.io/for': 'draft' },
  };
  expect(formatCommitChanges(started, config)).toBe(
    'ENV SECRET=\nLABEL "own.io/id"=""\nLABEL "own.io/for"="draft"',
  );
});

it('formatCommitChanges gives values of the image back only where they mean what they say', () => {
  const started = { Env: ['A=mine', 'B=mine', 'odd name=mine'], Labels: { l: 'mine', 'odd "key"': 'mine' } };
  const config = {
    ...NOTHING,
    Env: ['A=/usr/bin:/bin', 'B=two words $HOME', 'odd name='],
    Labels: { l: 'line\nCMD evil', 'odd "key"': '' },
  };
  expect(formatCommitChanges(started, config)).toBe('ENV A=/usr/bin:/bin\nENV B=\nLABEL "l"=""');
});

it('formatCommitChanges keeps the variables that the engine sets by itself', () => {
  const started = { Env: ['PATH=/bin', 'container=podman', 'TERM=xterm'], Labels: {} };
  const config = { ...NOTHING, Env: ['PATH=/own', 'container=', 'TERM='] };
  expect(formatCommitChanges(started, config)).toBe('ENV PATH=/own');
});

it('formatCommitChanges says nothing when there is nothing to change', () => {
  expect(formatCommitChanges({ Env: null, Labels: null }, NOTHING)).toBe('');
});
