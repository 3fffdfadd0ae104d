import { describe, expect, it } from 'vitest';
import { renderConfig } from './config.ts';

const text = renderConfig();
const rows = text.split('\n').filter((line) => line.startsWith('| `'));

describe('renderConfig', () => {
  it('says of every key what it means', () => {
    expect(rows.length).toBeGreaterThan(80);
    for (const row of rows) expect(row.split(' | ').at(-1)).toMatch(/^\S.* \|$/);
  });

  it.each([
    '| `port` | whole number | `8080` | 1 to 65535 | Port the server listens on. |',
    '| `type` | word | required | one of "docker", "kubernetes", "fake" | What runs the sandboxes. fake: nothing runs; for development and tests. |',
    '| `pids_limit` | whole number | `4096` | 1 or more | Most processes and threads of one sandbox. |',
    '| `gateway.route.mode` | word | required | one of "wildcard", "header", "uri" | How the gateway tells sandboxes apart: by host name, header or path. |',
  ])('holds %s', (row) => {
    expect(rows).toContain(row);
  });

  it('marks secrets', () => {
    const secrets = rows.filter((row) => row.includes(', secret |')).map((row) => row.split('`')[1]);
    expect(secrets).toEqual(['api_key', 'secure_access.keys[].key', 'redis.dsn']);
  });
});
