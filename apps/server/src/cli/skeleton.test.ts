import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { section } from '../config/fields.ts';
import { keyTree } from '../config/key-tree.ts';
import { configSchema } from '../config/schema.ts';
import { renderSkeleton } from './skeleton.ts';

const drivers = {
  docker: section({ drop_capabilities: z.array(z.string()).default([]).describe('Taken away.') }),
};
const text = renderSkeleton(keyTree(configSchema(drivers)));

describe('renderSkeleton', () => {
  it('is TOML with the main sections in order', () => {
    expect(Object.keys(parse(text))).toEqual([
      'server',
      'renew_intent',
      'runtime',
      'docker',
      'egress',
      'kubernetes',
      'agent_sandbox',
      'ingress',
      'storage',
    ]);
    expect(text).toMatch(
      /^# Generated from OpenSandbox config schema\. Remove sections you do not use\.\n\n\[server\]/,
    );
  });

  it('describes every key and gives none a value', () => {
    const lines = text.split('\n');
    const keys = lines.flatMap((line, at) => (line.includes(' = ') && !line.startsWith('#') ? [at] : []));
    expect(keys.length).toBeGreaterThan(40);
    for (const at of keys) {
      expect(lines[at]).toMatch(/ = (""|\[\]|\{\})$/);
      expect(lines[at - 1]).toMatch(/^# \S/);
    }
  });

  it('writes renew_intent.redis with dotted keys and the gateway as tables', () => {
    expect(text).toContain('\nredis.queue_key = ""\n');
    expect(text).toContain('\n[ingress.gateway.route]\n');
    expect(text).toContain('\n[ingress.secure_access]\n');
  });

  it('cannot be loaded as it is', () => {
    expect(configSchema(drivers).safeParse(parse(text)).success).toBe(false);
  });
});
