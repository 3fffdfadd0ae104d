import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openApiDocument } from '@opensandbox/contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Spec } from '../packages/contract/test/published-spec.ts';
import { readSpec, resolve } from '../packages/contract/test/published-spec.ts';
import { docker, removeAll } from './support/docker.ts';
import { type EngineGate, openEngineGate } from './support/engine-gate.ts';
import { type ApiAnswer, openServer, type ServerProcess } from './support/server-process.ts';
import { until } from './support/wait.ts';

const BODY = {
  image: { uri: 'opensandbox-test/busybox:latest' },
  entrypoint: ['sh', '-c', 'echo to stdout; echo to stderr >&2; exec sleep 600'],
  resourceLimits: { cpu: '500m', memory: '256Mi' },
  env: { PLAIN: 'shown', MY_TOKEN: 'hidden-1', DB: 'postgres://me:hidden-2@db/x' },
  timeout: 600,
};

const SCOPES = ['container', 'lifecycle', 'runtime', 'network', 'process', 'all'];

interface Descriptor {
  readonly content: string;
  readonly contentLength: number;
  readonly truncated: boolean;
  readonly warnings?: readonly string[];
}

/** The published specification where it is at hand, and always what this server publishes itself. */
function descriptorSchemas(): readonly z.ZodType[] {
  const own = openApiDocument() as unknown as Spec;
  const published = readSpec('diagnostic-api.yml');
  if (typeof published === 'string') console.warn(`diagnostics: ${published}`);
  return [own, published]
    .filter((spec) => typeof spec !== 'string')
    .map((spec) =>
      z.fromJSONSchema(resolve(spec, { $ref: '#/components/schemas/DiagnosticContentResponse' })),
    );
}

describe('diagnostics of a server on a real engine', () => {
  const schemas = descriptorSchemas();
  let server: ServerProcess;

  beforeAll(async () => {
    server = await openServer();
    await server.start();
  });

  afterAll(async () => {
    await server.stop();
    await removeAll(server.instance);
    await server[Symbol.asyncDispose]();
  });

  async function make(change: object = {}): Promise<string> {
    const made = await server.call('POST', '/v1/sandboxes', { ...BODY, ...change }, { Prefer: 'wait=30' });
    expect(made.status, made.text).toBe(202);
    return made.json.id;
  }

  const get = (id: string, rest: string): Promise<ApiAnswer> =>
    server.call('GET', `/v1/sandboxes/${id}/diagnostics/${rest}`);

  async function descriptor(id: string, kind: string, scope: string): Promise<Descriptor> {
    const answer = await get(id, `${kind}?scope=${scope}`);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.headers.get('x-request-id')).toMatch(/\S/);
    const body = JSON.parse(answer.text) as Descriptor;
    for (const schema of schemas) expect(schema.safeParse(body).error).toBeUndefined();
    expect(body).toMatchObject({ sandboxId: id, kind, scope, delivery: 'inline' });
    expect(body.contentLength).toBe(Buffer.byteLength(body.content));
    return body;
  }

  it('tell everything about a sandbox that runs, and none of its secrets', async () => {
    const id = await make();
    const logs = await until('it wrote', 10_000, async () => {
      const answer = await get(id, 'logs');
      return answer.text.includes('to stderr') && answer;
    });
    expect(logs.headers.get('deprecation')).toBe('true');
    expect(logs.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(logs.text).toMatch(/^\d{4}-\S+Z to stdout$/m);
    const inspect = await get(id, 'inspect');
    expect(inspect.headers.get('deprecation')).toBeNull();
    expect(inspect.text).toMatch(/^Container ID: {3}[0-9a-f]{12}\nName: {11}sandbox-/);
    expect(inspect.text).toContain('\nResources:\n  CPU:          0.50 cores\n  Memory:       256 MiB\n');
    expect(inspect.text).toContain('  MY_TOKEN=***\n');
    const events = await get(id, 'events');
    expect(events.text).toMatch(
      /^Container: {2}\S+ \(sandbox-\S+\)\nStatus: {5}running\nCreated: {4}.*\nStarted: {4}/,
    );
    const summary = await get(id, 'summary?tail=1');
    expect(summary.text).toContain(`${'-'.repeat(40)}\nLOGS (last 1 lines)\n${'-'.repeat(40)}\n`);
    expect(summary.text).toMatch(/\n-{40}\n\d{4}-\S+Z .+\n$/);
    const texts = [logs.text, inspect.text, events.text, summary.text];
    for (const scope of SCOPES) {
      for (const kind of ['logs', 'events']) texts.push((await descriptor(id, kind, scope)).content);
    }
    expect(texts.join()).not.toContain('hidden');
    expect((await descriptor(id, 'logs', 'process')).content).toContain('sleep');
    expect((await descriptor(id, 'logs', 'process')).content).not.toContain('600');
    expect((await descriptor(id, 'events', 'runtime')).content).toMatch(/ runtime start$/m);
    expect((await descriptor(id, 'events', 'all')).content).toMatch(/ lifecycle Ready /);
  });

  it('cut a log of 30 MiB to its end', async () => {
    const line = 'x'.repeat(200);
    const command = `yes ${line} | head -n 150000; echo the end; exec sleep 600`;
    const id = await make({ entrypoint: ['sh', '-c', command] });
    await until('it wrote', 60_000, async () => (await get(id, 'logs?tail=1')).text.includes('the end'));
    const log = await descriptor(id, 'logs', 'container');
    expect(log.truncated).toBe(true);
    expect(log.contentLength).toBeLessThanOrEqual(1 << 20);
    expect(log.content.trimEnd().endsWith('the end')).toBe(true);
    expect(log.content).toMatch(/^\d{4}-/);
    const plain = await get(id, 'logs?tail=10000');
    expect(plain.text.trimEnd().split('\n')).toHaveLength(10_000);
  });

  it('tell of sandboxes that failed, were paused and were killed', async () => {
    const failed = await make({ image: { uri: '127.0.0.1:1/none:none' } });
    expect((await descriptor(failed, 'events', 'lifecycle')).content).toMatch(/ Failed .*image\.pull_failed/);
    expect((await descriptor(failed, 'logs', 'container')).warnings?.join()).toContain('which is Failed');
    expect((await get(failed, 'inspect')).text).toContain('Status:         Failed\n');
    expect((await get(failed, 'summary')).status).toBe(200);

    const paused = await make();
    await server.call('POST', `/v1/sandboxes/${paused}/pause`);
    expect((await get(paused, 'inspect')).text).toContain('Paused:         True\n');
    expect((await descriptor(paused, 'events', 'lifecycle')).content).toMatch(/ Pausing .*\n.* Paused /);
    expect((await descriptor(paused, 'logs', 'all')).content).toContain('to stdout');

    await server.call('POST', `/v1/sandboxes/${paused}/resume`);
    await docker('kill', `sandbox-${paused}`);
    await until('it is told', 10_000, async () => (await get(paused, 'events')).text.includes('code 137'));
    expect((await descriptor(paused, 'events', 'process')).content).toMatch(/ runtime kill signal=9/);
  });

  it('say what a restart of the server cut', async () => {
    const id = await make();
    await server.call('POST', `/v1/sandboxes/${id}/renew-expiration`, {
      expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
    });
    const before = await descriptor(id, 'events', 'lifecycle');
    expect(before.content).toContain(' Renewed ');
    expect(before.warnings).toBeUndefined();
    await server.kill();
    await server.start();
    const after = await descriptor(id, 'events', 'lifecycle');
    expect(after.content).not.toContain(' Renewed ');
    expect(after.warnings?.join()).toContain('was started after the sandbox was made');
  });

  it('are 404 for strangers and for what was deleted, 501 for unknown scopes, 422 for numbers out of range', async () => {
    const id = await make();
    expect((await server.call('DELETE', `/v1/sandboxes/${id}`)).status).toBe(204);
    for (const gone of [id, 'nobody']) {
      for (const rest of [
        'logs',
        'events',
        'inspect',
        'summary',
        'logs?scope=all',
        'events?scope=lifecycle',
      ]) {
        const answer = await get(gone, rest);
        expect(answer.status, rest).toBe(404);
        expect(answer.json.code).toBe('DOCKER::SANDBOX_NOT_FOUND');
      }
    }
    const unknown = await get('nobody', 'logs?scope=nope');
    expect(unknown.status).toBe(501);
    expect(unknown.json.code).toBe('DIAGNOSTICS_NOT_IMPLEMENTED');
    expect((await get('nobody', 'logs?tail=0')).status).toBe(422);
  });

  it('say that a sandbox is lost', async () => {
    const id = await make();
    await server.stop();
    const config = join(server.home, 'config.toml');
    const text = await readFile(config, 'utf8');
    await writeFile(config, text.replace(/^instance = .*$/m, `instance = "${server.instance}-empty"`));
    await server.start();
    const told = await descriptor(id, 'logs', 'container');
    expect(told.warnings?.join()).toContain('The engine does not list this sandbox any more');
    expect((await get(id, 'inspect')).text).toContain('Reason:         RUNTIME_LOST\n');
  });
});

describe('diagnostics when the engine is away', () => {
  let server: ServerProcess;
  let gate: EngineGate;

  beforeAll(async () => {
    gate = await openEngineGate();
    server = await openServer({ docker: 'api_timeout = 3' });
    await server.start({ DOCKER_HOST: gate.dockerHost });
  });

  afterAll(async () => {
    await server.stop();
    await removeAll(server.instance);
    await server[Symbol.asyncDispose]();
    await gate[Symbol.asyncDispose]();
  });

  it('say what could not be read, within the time of a call', async () => {
    const made = await server.call('POST', '/v1/sandboxes', BODY, { Prefer: 'wait=30' });
    const get = (rest: string): Promise<ApiAnswer> =>
      server.call('GET', `/v1/sandboxes/${made.json.id}/diagnostics/${rest}`);
    gate.watch = () => new Promise<void>(() => undefined);
    const began = performance.now();
    const answers = await Promise.all(['logs?scope=all', 'logs', 'inspect', 'summary'].map(get));
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(answers.map(({ status }) => status)).toEqual([200, 504, 504, 200]);
    const { content, warnings } = JSON.parse(answers[0]?.text ?? '') as Descriptor;
    expect(content).toContain(' lifecycle Ready ');
    expect(warnings?.join()).toContain(
      'The container logs could not be read: The Docker engine did not answer',
    );
    expect(answers[1]?.json.code).toBe('DOCKER::SANDBOX_QUERY_FAILED');
    expect(answers[3]?.text).toContain('[error] Failed to collect log diagnostics.\n');
    gate.watch = () => undefined;
    gate.shut();
    expect((await get('logs')).status).toBe(503);
    expect((await get('logs?scope=container')).status).toBe(200);
    await gate.openAgain();
    await until('the engine is back', 20_000, async () => (await get('logs')).status === 200);
  });
});
