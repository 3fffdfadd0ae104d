import { describe, expect, it } from 'vitest';
import type { ContainerInspect, ContainerState } from '../engine/answers.ts';
import { formatHistory, readEntry } from './engine-history.ts';
import { formatEvents } from './format-events.ts';
import { formatInspect } from './format-inspect.ts';
import { formatProcesses } from './format-processes.ts';

const ZERO = '0001-01-01T00:00:00Z';

function inspectOf(state: ContainerState = {}, change: Partial<ContainerInspect> = {}): ContainerInspect {
  return {
    Id: '0123456789abcdef0123',
    Name: '/sandbox-7',
    Created: '2026-01-02T03:04:05.6Z',
    State: { Status: 'created', StartedAt: ZERO, FinishedAt: ZERO, ...state },
    Config: { Image: 'busybox' },
    ...change,
  };
}

describe('formatInspect', () => {
  it('lays out what is there', () => {
    const state = { Status: 'exited', ExitCode: 137, OOMKilled: true, Error: 'bad\nluck', StartedAt: 's' };
    const text = formatInspect(
      inspectOf(state, {
        Config: {
          Image: 'busybox',
          Labels: { b: '2', a: 'x', 'opensandbox.io/instance': '', 'opensandbox.io/egress-auth-token': 't' },
          Env: ['A=1', 'TOKEN=x', 'LINES=a\nb'],
        },
        HostConfig: { NanoCpus: 1_500_000_000, Memory: 268_435_457, PidsLimit: 4096 },
        NetworkSettings: {
          Networks: { bridge: { IPAddress: '172.17.0.5' }, none: null },
          Ports: {
            '44772/tcp': [
              { HostIp: '0.0.0.0', HostPort: '52930' },
              { HostIp: '::', HostPort: '52930' },
            ],
            '9/udp': null,
          },
        },
      }),
    );
    expect(text.split('\n')).toEqual([
      'Container ID:   0123456789ab',
      'Name:           sandbox-7',
      'Image:          busybox',
      'Status:         exited',
      'Running:        False',
      'Paused:         False',
      'OOMKilled:      True',
      'Exit Code:      137',
      'Started At:     s',
      `Finished At:    ${ZERO}`,
      'Error:          bad luck',
      '',
      'Resources:',
      '  CPU:          1.50 cores',
      '  Memory:       256 MiB',
      '  PIDs Limit:   4096',
      '',
      'Network:',
      '  bridge: 172.17.0.5',
      '  none: ',
      '',
      'Ports:',
      '  44772/tcp -> 0.0.0.0:52930',
      '  44772/tcp -> :::52930',
      '  9/udp (not bound)',
      '',
      'Labels:',
      '  a=x',
      '  b=2',
      '  opensandbox.io/egress-auth-token=***',
      '',
      'Environment:',
      '  A=1',
      '  TOKEN=***',
      '  LINES=a b',
      '',
    ]);
  });

  it('leaves out what was not set, and sections of ports without any', () => {
    const lines = formatInspect(inspectOf({ Running: true, Paused: true })).split('\n');
    expect(lines.slice(4, 6)).toEqual(['Running:        True', 'Paused:         True']);
    expect(lines.slice(10)).toEqual([
      '',
      'Resources:',
      '',
      'Network:',
      '',
      'Labels:',
      '',
      'Environment:',
      '',
    ]);
  });

  it('names the image as it was asked for when the engine was told an id', () => {
    const labels = { 'opensandbox.io/image': 'python:3' };
    const text = formatInspect(inspectOf({}, { Config: { Image: 'sha256:abc', Labels: labels } }));
    expect(text).toContain('Image:          python:3\n');
  });
});

describe('formatEvents', () => {
  const head = [
    'Container:  0123456789ab (sandbox-7)',
    'Status:     created',
    'Created:    2026-01-02T03:04:05.6Z',
  ];

  it.each<[string, ContainerState, readonly string[]]>([
    ['nothing', {}, ['(no notable events)']],
    ['a start', { StartedAt: '2026-01-02T04:00:00Z' }, ['Started:    2026-01-02T04:00:00Z']],
    ['an end', { FinishedAt: '2026-01-02T05:00:00Z' }, ['Finished:   2026-01-02T05:00:00Z']],
    ['an exit code', { ExitCode: 3 }, ['Event:      Exited with code 3']],
    [
      'memory that ran out',
      { OOMKilled: true, ExitCode: 137 },
      [
        'Event:      OOMKilled - the container ran out of memory and was killed',
        'Event:      Exited with code 137',
      ],
    ],
    ['an error', { Error: 'no luck' }, ['Event:      Error - no luck']],
  ])('tells %s', (_what, state, wanted) => {
    expect(formatEvents(inspectOf(state), 50)).toBe(`${[...head, ...wanted].join('\n')}\n`);
  });

  it('tells the last health checks', () => {
    const check = (code: number, output: string) => ({ Start: `t${code}`, ExitCode: code, Output: output });
    const health = {
      Status: 'unhealthy',
      Log: [check(0, ''), check(1, 'no\nway\n'), check(2, 'x'.repeat(300))],
    };
    const text = formatEvents(inspectOf({ Health: health }), 2);
    expect(text.split('\n').slice(3)).toEqual([
      'Health:     unhealthy',
      '  [t1] exit=1 no way',
      `  [t2] exit=2 ${'x'.repeat(200)}`,
      '',
    ]);
  });
});

describe('readEntry', () => {
  const ids = new Set(['c1']);
  const message = { Type: 'container', Action: 'die', timeNano: 1_767_323_045_600_000_000 };

  it('reads what concerns the containers, without labels and arguments', () => {
    const attributes = { exitCode: '3', name: 'sandbox-7', 'opensandbox.io/egress-auth-token': 't' };
    const entry = readEntry({ ...message, Actor: { ID: 'c1', Attributes: attributes } }, ids);
    const started = readEntry(
      { ...message, Action: 'exec_start: sh -c secret', Actor: { ID: 'c1', Attributes: {} } },
      ids,
    );
    const joined = readEntry(
      {
        ...message,
        Type: 'network',
        Action: 'connect',
        Actor: { ID: 'n', Attributes: { container: 'c1', name: 'bridge' } },
      },
      ids,
    );
    const entries = [entry, started, joined].filter((one) => one !== undefined);
    expect(formatHistory(entries)).toBe(
      '2026-01-02T03:04:05.600Z runtime die exitCode=3\n' +
        '2026-01-02T03:04:05.600Z runtime exec_start\n' +
        '2026-01-02T03:04:05.600Z network connect name=bridge\n',
    );
  });

  it.each([
    { ...message, Actor: { ID: 'c2' } },
    { ...message, Type: 'image', Actor: { ID: 'c1' } },
    { ...message, Action: 'top', Actor: { ID: 'c1' } },
    { ...message, Type: 'network', Actor: { ID: 'c1', Attributes: { container: 'c2' } } },
    {},
  ])('leaves out what concerns others: %j', (other) => {
    expect(readEntry(other, ids)).toBeUndefined();
  });
});

describe('formatProcesses', () => {
  it('lines the columns up', () => {
    const table = {
      Titles: ['PID', 'COMMAND'],
      Processes: [
        ['1', 'sh'],
        ['12345', 'sleep'],
      ],
    };
    expect(formatProcesses(table)).toBe('PID    COMMAND\n1      sh\n12345  sleep\n');
    expect(formatProcesses({ Titles: ['PID'], Processes: null })).toBe('PID\n');
  });
});
