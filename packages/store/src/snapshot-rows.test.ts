import { describe, expect, it } from 'vitest';
import { formatIso, parseIso, parseSnapshotRow } from './snapshot-rows.ts';
import type { SnapshotRow } from './snapshot-rows.ts';

const NOON = Date.UTC(2026, 10, 20, 12) * 1000;

describe('times of the snapshot table', () => {
  it.each([
    ['2026-11-20T12:00:00+00:00', NOON],
    ['2026-11-20T12:00:00.000001+00:00', NOON + 1],
    ['2026-11-20T12:00:00.984649+00:00', NOON + 984_649],
  ])('are written like %s', (text, micros) => {
    expect(formatIso(micros)).toBe(text);
    expect(parseIso(text)).toBe(micros);
  });

  it.each([
    ['2026-11-20T12:00:00', NOON],
    ['2026-11-20 12:00:00.5', NOON + 500_000],
    ['2026-11-20T12:00:00Z', NOON],
    ['2026-11-20T14:00:00.123456+02:00', NOON + 123_456],
    ['2026-11-20T07:00:00-0500', NOON],
    ['2026-11-20T12:00:00.1234567891+00:00', undefined],
    ['yesterday', undefined],
    ['2026-13-40T99:00:00Z', undefined],
    ['', undefined],
  ])('are read from %s', (text, micros) => {
    expect(parseIso(text)).toBe(micros);
  });
});

describe('a row of the snapshot table', () => {
  const row: SnapshotRow = {
    id: 's1',
    source_sandbox_id: 'b1',
    name: null,
    restore_config: '{"image": "opensandbox-snapshots:s1"}',
    state: 'Ready',
    reason: null,
    message: null,
    last_transition_at: null,
    created_at: '2026-11-20T12:00:00',
    updated_at: '2026-11-20T12:00:00',
  };

  it('is read without what it lacks', () => {
    expect(parseSnapshotRow(row)).toEqual({
      id: 's1',
      sandboxId: 'b1',
      name: undefined,
      image: 'opensandbox-snapshots:s1',
      state: 'Ready',
      reason: undefined,
      message: undefined,
      transitionAt: undefined,
      createdAt: NOON,
    });
  });

  it.each(['{"image": null}', '{}', 'null', '[]', '{"image": 7}', 'no JSON at all', ''])(
    'has no image when its configuration is %s',
    (restore_config) => {
      expect(parseSnapshotRow({ ...row, restore_config }).image).toBeUndefined();
    },
  );
});
