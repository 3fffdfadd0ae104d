import { describe, expect, it } from 'vitest';
import type { Where } from '../validation/issue.ts';
import type { WireSchema } from '../validation/wire-schema.ts';
import { diagnosticLogsQuery, diagnosticSummaryQuery } from './diagnostics.ts';
import { endpointPath, endpointQuery } from './endpoint.ts';
import { listSandboxesQuery, listSnapshotsQuery } from './listing.ts';
import { metricsEventRequest } from './metrics-event.ts';
import { createPoolRequest, updatePoolRequest } from './pool.ts';
import { patchMetadataRequest, renewRequest } from './sandbox.ts';
import { createSnapshotRequest } from './snapshot.ts';

function valueOf<T>(schema: WireSchema<T>, value: unknown, where: Where = 'body'): T {
  const result = schema.check(value, where);
  if (!result.ok) throw new Error(JSON.stringify(result.issues));
  return result.value;
}

function shape<T>(schema: WireSchema<T>, value: unknown, where: Where = 'body') {
  const result = schema.check(value, where);
  return result.ok ? [] : result.issues.map(({ type, loc }) => [type, loc.join('.')]);
}

describe('listSandboxesQuery', () => {
  it('fills in the page and collects states', () => {
    expect(valueOf(listSandboxesQuery, {}, 'query')).toEqual({ page: 1, pageSize: 20 });
    expect(valueOf(listSandboxesQuery, { state: 'Running' }, 'query').state).toEqual(['Running']);
    expect(valueOf(listSandboxesQuery, { state: ['a', ''] }, 'query').state).toEqual(['a', '']);
  });

  it('takes the last of a repeated scalar', () => {
    expect(valueOf(listSandboxesQuery, { page: ['1', '2'], metadata: ['a=1', 'b=2'] }, 'query')).toEqual({
      page: 2,
      pageSize: 20,
      metadata: 'b=2',
    });
  });

  it('knows no snake_case names', () => {
    expect(valueOf(listSandboxesQuery, { page_size: '5', PageSize: '6' }, 'query').pageSize).toBe(20);
  });

  it.each([
    [{ page: '0' }, [['greater_than_equal', 'query.page']]],
    [{ pageSize: '201' }, [['less_than_equal', 'query.pageSize']]],
    [
      { page: 'abc', pageSize: '' },
      [
        ['int_parsing', 'query.page'],
        ['int_parsing', 'query.pageSize'],
      ],
    ],
  ])('refuses %j', (query, expected) => {
    expect(shape(listSandboxesQuery, query, 'query')).toEqual(expected);
  });

  it('echoes the text of a bad parameter', () => {
    const result = listSandboxesQuery.check({ page: '0' }, 'query');
    expect(result.ok ? [] : result.issues).toEqual([
      {
        type: 'greater_than_equal',
        loc: ['query', 'page'],
        msg: 'Input should be greater than or equal to 1',
        input: '0',
        ctx: { ge: 1 },
      },
    ]);
  });
});

describe('the other queries', () => {
  it('read snapshots, endpoints and diagnostics', () => {
    expect(valueOf(listSnapshotsQuery, { name: 'a b', sandboxId: '' }, 'query')).toMatchObject({
      name: 'a b',
      sandboxId: '',
      page: 1,
    });
    expect(valueOf(endpointQuery, {}, 'query')).toEqual({ use_server_proxy: false });
    expect(valueOf(endpointQuery, { use_server_proxy: 'TRUE', expires: '2000000000' }, 'query')).toEqual({
      use_server_proxy: true,
      expires: 2_000_000_000,
    });
    expect(valueOf(endpointPath, { port: '0' }, 'path')).toEqual({ port: 0 });
    expect(valueOf(diagnosticLogsQuery, {}, 'query')).toEqual({ tail: 100 });
    expect(valueOf(diagnosticSummaryQuery, { event_limit: '5' }, 'query')).toEqual({
      tail: 50,
      event_limit: 5,
    });
  });

  it('refuse what is out of shape', () => {
    expect(shape(endpointPath, { port: 'abc' }, 'path')).toEqual([['int_parsing', 'path.port']]);
    expect(shape(endpointQuery, { use_server_proxy: '', expires: 'x' }, 'query')).toEqual([
      ['bool_parsing', 'query.use_server_proxy'],
      ['int_parsing', 'query.expires'],
    ]);
    expect(shape(diagnosticLogsQuery, { tail: '0' }, 'query')).toEqual([
      ['greater_than_equal', 'query.tail'],
    ]);
  });
});

describe('patchMetadataRequest', () => {
  it('turns null into a deletion', () => {
    expect(valueOf(patchMetadataRequest, { a: '1', gone: null })).toEqual({ a: '1', gone: undefined });
    expect(valueOf(patchMetadataRequest, {})).toEqual({});
  });

  it.each([
    [{ a: 1 }, [['string_type', 'body.a']]],
    [[], [['dict_type', 'body']]],
    ['x', [['dict_type', 'body']]],
    [undefined, [['missing', 'body']]],
    [null, [['missing', 'body']]],
  ])('refuses %j', (body, expected) => {
    expect(shape(patchMetadataRequest, body)).toEqual(expected);
  });
});

describe('renewRequest', () => {
  it('keeps microseconds', () => {
    const { expiresAt } = valueOf(renewRequest, { expires_at: '2030-01-01T08:00:00.123456789+08:00' });
    expect(expiresAt).toEqual({ ms: Date.UTC(2030, 0, 1, 0, 0, 0, 123), micros: 456 });
  });

  it.each([
    [{}, [['missing', 'body.expiresAt']]],
    [{ expiresAt: 'nope' }, [['datetime_from_date_parsing', 'body.expiresAt']]],
    [{ expiresAt: null }, [['datetime_type', 'body.expiresAt']]],
    [{ expires_at: true }, [['datetime_type', 'body.expires_at']]],
    [{ expiresAt: '9999-12-31T23:59:59-08:00' }, [['datetime_parsing', 'body.expiresAt']]],
  ])('refuses %j', (body, expected) => {
    expect(shape(renewRequest, body)).toEqual(expected);
  });
});

describe('the other bodies', () => {
  it('let a snapshot go without any', () => {
    expect(valueOf(createSnapshotRequest, undefined)).toBeUndefined();
    expect(valueOf(createSnapshotRequest, null)).toBeUndefined();
    expect(valueOf(createSnapshotRequest, {})?.name).toBeUndefined();
    expect(valueOf(createSnapshotRequest, { name: ' ' })?.name).toBe(' ');
    expect(shape(createSnapshotRequest, { name: '' })).toEqual([['string_too_short', 'body.name']]);
    expect(shape(createSnapshotRequest, [])).toEqual([['model_attributes_type', 'body']]);
  });

  it('ask a pool for its three members', () => {
    expect(shape(createPoolRequest, {})).toEqual([
      ['missing', 'body.name'],
      ['missing', 'body.template'],
      ['missing', 'body.capacitySpec'],
    ]);
    expect(
      shape(updatePoolRequest, { capacity_spec: { buffer_max: -1, bufferMin: 0, poolMax: 'x' } }),
    ).toEqual([
      ['greater_than_equal', 'body.capacity_spec.buffer_max'],
      ['int_parsing', 'body.capacity_spec.poolMax'],
      ['missing', 'body.capacity_spec.poolMin'],
    ]);
  });

  it('take a metrics event of any kind', () => {
    const event = {
      event_type: 'sandbox.pause',
      create_duration_ms: 90,
      success: true,
      sandboxId: null,
      new: 1,
    };
    expect(valueOf(metricsEventRequest, event)).toMatchObject({
      eventType: 'sandbox.pause',
      createDurationMs: 90,
    });
    expect(shape(metricsEventRequest, { eventType: 'sandbox.create', createDurationMs: -1 })).toEqual([
      ['greater_than_equal', 'body.createDurationMs'],
      ['missing', 'body.success'],
    ]);
  });
});
