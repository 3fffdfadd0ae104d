import { describe, expect, it } from 'vitest';
import type { ContainerInspect } from './engine/answers.ts';
import created from './fixtures/docker-20.10-created.json' with { type: 'json' };
import everyAddress from './fixtures/docker-20.10-every-address.json' with { type: 'json' };
import exited0 from './fixtures/docker-20.10-exited-0.json' with { type: 'json' };
import exited3 from './fixtures/docker-20.10-exited-3.json' with { type: 'json' };
import hostNetwork from './fixtures/docker-20.10-host-network.json' with { type: 'json' };
import oom from './fixtures/docker-20.10-oom.json' with { type: 'json' };
import paused from './fixtures/docker-20.10-paused.json' with { type: 'json' };
import running from './fixtures/docker-20.10-running.json' with { type: 'json' };
import { readContainer } from './read-container.ts';
import type { ReadOptions } from './read-container.ts';

const OPTIONS: ReadOptions = { readAt: 42, dialHost: '127.0.0.1', metadata: undefined };
const ID = '4f3c2a10-5b1e-4c7d-9a55-0d8e6f1b2c3d';

const read = (inspect: ContainerInspect, change: Partial<ReadOptions> = {}) =>
  readContainer(inspect, { ...OPTIONS, ...change });

function withLabels(labels: Record<string, string>, base: ContainerInspect = running): ContainerInspect {
  return { ...base, Config: { ...base.Config, Labels: { 'opensandbox.io/id': ID, ...labels } } };
}

function hostPort(inspect: typeof running, port: '44772/tcp' | '8080/tcp'): number {
  return Number(inspect.NetworkSettings.Ports[port][0]?.HostPort);
}

describe('readContainer', () => {
  it('reads a running sandbox, claim and all', () => {
    expect(read(running)).toEqual({
      id: ID,
      phase: 'running',
      engineState: 'running',
      exitCode: undefined,
      oomKilled: false,
      error: undefined,
      finishedAt: undefined,
      readAt: 42,
      reach: {
        kind: 'mapped',
        host: '127.0.0.1',
        ports: { 44772: hostPort(running, '44772/tcp'), 8080: hostPort(running, '8080/tcp') },
        privateHost: running.NetworkSettings.IPAddress,
      },
      claim: {
        spec: {
          source: { kind: 'image', uri: 'python:3.11', auth: undefined },
          entrypoint: ['sleep', '600'],
          env: [],
          platform: undefined,
          resources: { cpuMillis: 500, memoryBytes: 67_108_864, gpus: undefined },
          volumes: [],
          resourceLimits: {},
          resourceRequests: {},
          extensions: { 'access.renew.extend.seconds': '600' },
          accessRenewSeconds: 600,
        },
        metadata: { team: 'infra' },
        createdAt: Math.trunc(Date.parse(running.Created)),
        expiresAt: Date.UTC(2031, 3, 5, 6, 7, 8, 123),
      },
    });
  });

  it.each([
    ['created', created, { phase: 'starting', exitCode: undefined, reach: { kind: 'none' } }],
    ['paused', paused, { phase: 'paused', exitCode: undefined }],
    ['exited', exited0, { phase: 'exited', exitCode: 0, oomKilled: false, reach: { kind: 'none' } }],
    ['exited', exited3, { phase: 'exited', exitCode: 3, finishedAt: Date.parse(exited3.State.FinishedAt) }],
    ['exited', oom, { phase: 'exited', exitCode: 137, oomKilled: true }],
  ] as const)('reads the engine state %s', (engineState, inspect, expected) => {
    expect(read(inspect)).toMatchObject({ engineState, ...expected });
  });

  it.each([
    ['removing', 'unknown'],
    ['dead', 'exited'],
    ['starting', 'starting'],
    ['initialized', 'starting'],
    ['stopping', 'running'],
    ['stopped', 'exited'],
    ['something-new', 'unknown'],
  ])('reads the state word %s as %s', (word, phase) => {
    expect(read({ ...exited0, State: { ...exited0.State, Status: word } })).toMatchObject({
      phase,
      engineState: word,
    });
  });

  it('counts a restarting sandbox as running', () => {
    expect(read({ ...exited0, State: { Status: 'restarting', Restarting: true } })?.phase).toBe('running');
  });

  it('keeps the address of a paused sandbox', () => {
    expect(read(paused)?.reach).toMatchObject({
      kind: 'mapped',
      ports: { 44772: hostPort(paused, '44772/tcp') },
    });
  });

  it('dials the host of the engine for ports published on every address', () => {
    expect(read(everyAddress)?.reach).toMatchObject({ host: '127.0.0.1' });
    expect(read(everyAddress, { dialHost: '10.1.2.3' })?.reach).toMatchObject({ host: '10.1.2.3' });
  });

  it('shares the network of the host in host mode', () => {
    expect(read(hostNetwork, { dialHost: '10.1.2.3' })?.reach).toEqual({ kind: 'host', host: '10.1.2.3' });
  });

  it('finds the ports of another server in its labels', () => {
    const labels = { 'opensandbox.io/embedding-proxy-port': '45001', 'opensandbox.io/http-port': '45002' };
    const bare = { ...running, NetworkSettings: { ...running.NetworkSettings, Ports: {} } };
    expect(read(withLabels(labels, bare))?.reach).toMatchObject({
      kind: 'mapped',
      host: '127.0.0.1',
      ports: { 44772: 45_001, 8080: 45_002 },
    });
  });

  it('believes no port labels of a container that has ended', () => {
    const labels = { 'opensandbox.io/http-port': '6379' };
    expect(read(withLabels(labels, exited0))?.reach).toEqual({ kind: 'none' });
  });

  it('counts an empty label as absent', () => {
    const labels = {
      'opensandbox.io/snapshot-id': '',
      'opensandbox.io/expires-at': '',
      'opensandbox.io/image': '',
    };
    expect(read(withLabels(labels))?.claim).toMatchObject({
      expiresAt: undefined,
      spec: { source: { kind: 'image', uri: running.Config.Image } },
    });
    expect(read(withLabels({ 'opensandbox.io/id': '' }))).toBeUndefined();
  });

  it('has no deadline when the label cannot be read', () => {
    expect(read(withLabels({ 'opensandbox.io/expires-at': 'garbage' }))?.claim?.expiresAt).toBeUndefined();
  });

  it('knows what a snapshot was restored from', () => {
    expect(read(withLabels({ 'opensandbox.io/snapshot-id': 's1' }))?.claim?.spec.source).toEqual({
      kind: 'snapshot',
      snapshotId: 's1',
      image: running.Config.Image,
    });
  });

  it('takes changed metadata instead of the labels', () => {
    expect(read(running, { metadata: { only: 'this' } })?.claim?.metadata).toEqual({ only: 'this' });
  });

  it('is no sandbox without the label', () => {
    expect(read({ ...running, Config: { ...running.Config, Labels: null } })).toBeUndefined();
  });
});
