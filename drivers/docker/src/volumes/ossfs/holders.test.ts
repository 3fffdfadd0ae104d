import { describe, expect, it } from 'vitest';
import { formatMountLabel, readHeldPaths } from './holders.ts';

const MOUNTS = 'opensandbox.io/ossfs-mounts';

function container(id: string, label: string | undefined) {
  const labels = { 'opensandbox.io/id': id, ...(label === undefined ? {} : { [MOUNTS]: label }) };
  return { Id: id, Created: 1, Labels: labels };
}

describe('readHeldPaths', () => {
  it('collects who holds which path', () => {
    const held = readHeldPaths([
      container('a', '["/mnt/x","/mnt/y"]'),
      container('b', '["/mnt/x"]'),
      container('c', ''),
      container('d', undefined),
    ]);
    expect([...held].map(([path, ids]) => [path, [...ids]])).toEqual([
      ['/mnt/x', ['a', 'b']],
      ['/mnt/y', ['a']],
    ]);
  });

  it.each(['not json', '{"a":1}', '"/mnt"', '[1,null]'])('reads nothing out of the label %j', (label) => {
    expect(readHeldPaths([container('a', label)]).size).toBe(0);
  });

  it('passes over what carries no id', () => {
    expect(readHeldPaths([{ Id: 'x', Created: 1, Labels: { [MOUNTS]: '["/mnt/x"]' } }]).size).toBe(0);
  });

  it('reads what formatMountLabel writes', () => {
    const labels = formatMountLabel(['/mnt/a', '/mnt/b']);
    expect(labels).toEqual({ [MOUNTS]: '["/mnt/a","/mnt/b"]' });
    expect([...readHeldPaths([container('a', labels[MOUNTS])]).keys()]).toEqual(['/mnt/a', '/mnt/b']);
  });
});
