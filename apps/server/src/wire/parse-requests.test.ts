import { Fault } from '@opensandbox/base';
import type { WireIssue } from '@opensandbox/contract';
import { issuesOf } from '@opensandbox/contract';
import { describe, expect, it } from 'vitest';
import { faultToResponse } from '../wire-codes.ts';
import { parseEndpoint, parsePort } from './parse-endpoint.ts';
import { parseList, parseSnapshotList } from './parse-list.ts';
import { parsePatch } from './parse-patch.ts';
import { parseRenew } from './parse-renew.ts';
import {
  parseCreatePool,
  parseCreateSnapshot,
  parseMetricsEvent,
  parseUpdatePool,
} from './parse-surroundings.ts';

function refusal(parse: () => unknown): Fault {
  try {
    parse();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error('the request was accepted');
}

function answer(parse: () => unknown) {
  const { status, body } = faultToResponse(refusal(parse), 'docker');
  return [status, body.code, body.message];
}

const places = (parse: () => unknown) =>
  issuesOf(refusal(parse)).map(({ type, loc }: WireIssue) => [type, loc.join('.')]);

describe('parseList', () => {
  it('reads the raw query text', () => {
    expect(parseList('')).toEqual({ states: undefined, metadata: {}, page: 1, pageSize: 20 });
    expect(parseList('state=running&state=PAUSED&metadata=team%3Dinfra%26note%3D&page=2&pageSize=5')).toEqual(
      {
        states: ['running', 'PAUSED'],
        metadata: { team: 'infra', note: '' },
        page: 2,
        pageSize: 5,
      },
    );
  });

  it('keeps a blank state, which matches nothing, and does not split lists', () => {
    expect(parseList('state=').states).toEqual(['']);
    expect(parseList('state=Running,Paused').states).toEqual(['Running,Paused']);
  });

  it('takes the last of repeated scalars', () => {
    expect(parseList('page=1&page=2&metadata=a%3D1&metadata=b%3D2')).toMatchObject({
      page: 2,
      metadata: { b: '2' },
    });
  });

  it('takes pages without end', () => {
    expect(parseList('page=9999').page).toBe(9999);
    expect(parseList(`page=${'9'.repeat(30)}`).page).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('refuses what is out of bounds', () => {
    expect(places(() => parseList('page=0&pageSize=201'))).toEqual([
      ['greater_than_equal', 'query.page'],
      ['less_than_equal', 'query.pageSize'],
    ]);
    expect(answer(() => parseList('metadata=team%3Dinfra%26broken'))).toEqual([
      400,
      'INVALID_METADATA_FORMAT',
      "Invalid metadata format: bad query field: 'broken'",
    ]);
  });
});

describe('parseSnapshotList', () => {
  it('takes blank filters for none', () => {
    expect(parseSnapshotList('sandboxId=&name=&state=Ready')).toEqual({
      sandboxId: undefined,
      name: undefined,
      states: ['Ready'],
      page: 1,
      pageSize: 20,
    });
    expect(parseSnapshotList('sandboxId=x&name=a%20b')).toMatchObject({ sandboxId: 'x', name: 'a b' });
  });
});

describe('parseEndpoint', () => {
  it('reads the port and the proxy flag', () => {
    expect(parseEndpoint('3000', '')).toEqual({ port: 3000, useServerProxy: false });
    expect(parseEndpoint(' 3000 ', 'use_server_proxy=1')).toEqual({ port: 3000, useServerProxy: true });
  });

  it('lists the problems of the path before those of the query', () => {
    expect(places(() => parseEndpoint('abc', 'use_server_proxy=&expires=x'))).toEqual([
      ['int_parsing', 'path.port'],
      ['bool_parsing', 'query.use_server_proxy'],
      ['int_parsing', 'query.expires'],
    ]);
  });

  it.each([
    [
      '0',
      'use_server_proxy=true&expires=2',
      400,
      'SANDBOX::INVALID_PARAMETER',
      'use_server_proxy cannot be combined with expires; signed endpoints require the gateway route.',
    ],
    [
      '0',
      'expires=2000000000',
      400,
      'SANDBOX::API_NOT_SUPPORTED',
      "Signed routes (expires parameter) are not supported when runtime.type='docker'. Use the Kubernetes runtime for signed routes.",
    ],
    ['0', '', 400, 'DOCKER::INVALID_PORT', 'Port must be between 1 and 65535.'],
    ['65536', '', 400, 'DOCKER::INVALID_PORT', 'Port must be between 1 and 65535.'],
    ['9'.repeat(30), '', 400, 'DOCKER::INVALID_PORT', 'Port must be between 1 and 65535.'],
  ])('refuses port %s with query "%s"', (port, query, ...expected) => {
    expect(answer(() => parseEndpoint(port, query))).toEqual(expected);
  });

  it('parsePort reads a port alone', () => {
    expect(parsePort('80')).toBe(80);
    expect(places(() => parsePort('80x'))).toEqual([['int_parsing', 'path.port']]);
  });
});

describe('the bodies', () => {
  it('parseRenew keeps the microseconds', () => {
    expect(parseRenew({ expiresAt: '2030-01-01T08:00:00.123456789+08:00' })).toEqual({
      expiresAt: { ms: Date.UTC(2030, 0, 1, 0, 0, 0, 123), micros: 456 },
      text: '2030-01-01T00:00:00.123456Z',
    });
  });

  it('parsePatch turns null into undefined', () => {
    expect(parsePatch({ a: '1', b: null })).toEqual({ a: '1', b: undefined });
  });

  it('parse what surrounds sandboxes', () => {
    const capacitySpec = { bufferMax: 1, bufferMin: 0, poolMax: 2, poolMin: 0 };
    expect(parseCreateSnapshot(undefined)).toEqual({ name: undefined });
    expect(parseCreatePool({ name: 'p', template: { a: 1 }, capacitySpec })).toEqual({
      name: 'p',
      template: { a: 1 },
      capacitySpec,
    });
    expect(parseUpdatePool({ capacitySpec, name: 1 })).toEqual({ capacitySpec });
    expect(parseMetricsEvent({ eventType: 'x', createDurationMs: 1, success: true }).success).toBe(true);
  });
});
