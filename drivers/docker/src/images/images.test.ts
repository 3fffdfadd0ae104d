import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { Fault, Secret, silentLogger } from '@opensandbox/base';
import { FakeClock, settle } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import type { ImageInspect } from '../engine/answers.ts';
import type { PullRequest } from '../engine/engine.ts';
import type { PullFacts } from '../deps.ts';
import { createImages } from './images.ts';
import type { ImageWish, PullPolicy } from './images.ts';

const { signal } = new AbortController();
const AMD64 = { os: 'linux', arch: 'amd64' };

function fakeRegistry(pullPolicy: PullPolicy = 'if-not-present') {
  const clock = new FakeClock();
  const local = new Map<string, ImageInspect>();
  const pulls: {
    readonly request: PullRequest;
    readonly stream: PassThrough;
    readonly signal: AbortSignal;
  }[] = [];
  const ended: PullFacts[] = [];
  const images = createImages({
    clock,
    log: silentLogger,
    env: {},
    enginePlatform: AMD64,
    stallMs: 1_000,
    pullPolicy,
    pulled: (facts) => void ended.push(facts),
    engine: {
      info: async () => ({}),
      inspectImage: async (uri) => {
        const found = local.get(uri);
        if (found === undefined) throw new Fault('not_found', 'engine.failed', 'No such image');
        return found;
      },
      pull: async (request, pullSignal) => {
        const stream = new PassThrough();
        pullSignal.addEventListener('abort', () => stream.destroy(new Error('aborted')));
        pulls.push({ request, stream, signal: pullSignal });
        return stream as unknown as IncomingMessage;
      },
    },
  });
  const say = (pull: number, line: object): void =>
    void pulls[pull]?.stream.write(`${JSON.stringify(line)}\n`);
  const finish = (pull: number, uri: string): void => {
    local.set(uri, { Id: `sha256:${uri}`, Os: 'linux', Architecture: 'amd64' });
    pulls[pull]?.stream.end();
  };
  return { clock, local, pulls, images, say, finish, ended };
}

const wish = (change: Partial<ImageWish> = {}): ImageWish => ({
  uri: 'app:v1',
  auth: undefined,
  platform: undefined,
  ...change,
});

describe('ensure', () => {
  it('asks no registry for what is there', async () => {
    const { local, pulls, images } = fakeRegistry();
    local.set('app:v1', { Id: 'sha256:1', Os: 'linux', Architecture: 'x86_64' });
    expect(await images.ensure(wish(), () => undefined, signal)).toMatchObject({ Id: 'sha256:1' });
    expect(pulls).toEqual([]);
  });

  it('pulls once for many, and tells each of them the progress', async () => {
    const { pulls, images, say, finish } = fakeRegistry();
    const told: string[][] = [[], []];
    const waiting = told.map((own) => images.ensure(wish(), ({ message }) => own.push(message), signal));
    await settle();
    say(0, { id: 'l', status: 'Downloading', progressDetail: { current: 5, total: 10 } });
    await settle();
    finish(0, 'app:v1');
    await Promise.all(waiting);
    expect(pulls).toHaveLength(1);
    expect(pulls[0]?.request).toMatchObject({ name: 'app', tag: 'v1', platform: undefined, auth: undefined });
    const progress = ['Pulling image app:v1', 'Pulling image app:v1: 5 B of 10 B (50%), 0 of 1 layers'];
    expect(told).toEqual([progress, progress]);
  });

  it('tells who comes later where the pull is', async () => {
    const { pulls, images, say, finish } = fakeRegistry();
    const first = images.ensure(wish(), () => undefined, signal);
    await settle();
    say(0, { id: 'l', status: 'Downloading', progressDetail: { current: 5, total: 10 } });
    await settle();
    const told: string[] = [];
    const second = images.ensure(wish(), ({ message }) => told.push(message), signal);
    await settle();
    expect(told).toEqual(['Pulling image app:v1', 'Pulling image app:v1: 5 B of 10 B (50%), 0 of 1 layers']);
    finish(0, 'app:v1');
    await Promise.all([first, second]);
    expect(pulls).toHaveLength(1);
  });

  it('fails all who wait for one pull for the same reason', async () => {
    const { images, say } = fakeRegistry();
    const waiting = [1, 2, 3].map(() => images.ensure(wish(), () => undefined, signal));
    const outcomes = Promise.allSettled(waiting);
    await settle();
    say(0, { error: 'manifest unknown' });
    const reasons = (await outcomes).map(
      (outcome) => outcome.status === 'rejected' && String(outcome.reason),
    );
    expect(new Set(reasons).size).toBe(1);
    expect(reasons[0]).toContain('manifest unknown');
  });

  it('asks the registry for what is there when the policy is always', async () => {
    const { local, pulls, images, finish } = fakeRegistry('always');
    local.set('app:v1', { Id: 'sha256:old', Os: 'linux', Architecture: 'amd64' });
    const ensuring = images.ensure(wish(), () => undefined, signal);
    await settle();
    expect(pulls).toHaveLength(1);
    finish(0, 'app:v1');
    expect(await ensuring).toMatchObject({ Id: 'sha256:app:v1' });
  });

  it('does not fall back on what is there when the policy is always', async () => {
    const { local, images, say } = fakeRegistry('always');
    local.set('app:v1', { Id: 'sha256:old', Os: 'linux', Architecture: 'amd64' });
    const failing = expect(images.ensure(wish(), () => undefined, signal)).rejects.toMatchObject({
      code: 'image.pull_failed',
    });
    await settle();
    say(0, { error: 'unauthorized' });
    await failing;
  });

  it.each([
    [undefined, 'docker.image_pull_policy is "never"'],
    ['arm64', 'is for linux/arm64'],
  ])('asks no registry when the policy is never; with a local image for %s it fails', async (arch, words) => {
    const { local, pulls, images } = fakeRegistry('never');
    if (arch !== undefined) local.set('app:v1', { Id: 'sha256:1', Os: 'linux', Architecture: arch });
    await expect(images.ensure(wish(), () => undefined, signal)).rejects.toMatchObject({
      code: 'image.pull_failed',
      message: expect.stringContaining(words) as unknown,
    });
    expect(pulls).toEqual([]);
  });

  it.each(['always', 'if-not-present'] as const)(
    'asks no registry for a snapshot, policy %s',
    async (policy) => {
      const { local, pulls, images } = fakeRegistry(policy);
      local.set('app:v1', { Id: 'sha256:1', Os: 'linux', Architecture: 'amd64' });
      const snapshot = wish({ isLocal: true });
      expect(await images.ensure(snapshot, () => undefined, signal)).toMatchObject({ Id: 'sha256:1' });
      local.clear();
      await expect(images.ensure(snapshot, () => undefined, signal)).rejects.toMatchObject({
        message: expect.stringContaining('made here, by a snapshot') as unknown,
      });
      expect(pulls).toEqual([]);
    },
  );

  it('does not share a pull between different credentials', async () => {
    const { pulls, images } = fakeRegistry();
    const auth = { username: 'u', password: new Secret('p') };
    void images.ensure(wish(), () => undefined, signal);
    void images.ensure(wish({ auth }), () => undefined, signal);
    await settle();
    expect(pulls.filter((pull) => pull.request.auth === undefined)).toHaveLength(1);
    expect(pulls).toHaveLength(2);
  });

  it.each([
    [undefined, 'linux/amd64'],
    [{ os: 'linux', arch: 'arm64' }, 'linux/arm64'],
  ])('replaces a local image of another platform; asked for %j it pulls %s', async (platform, pulled) => {
    const { local, pulls, images } = fakeRegistry();
    local.set('app:v1', {
      Id: 'sha256:1',
      Os: 'linux',
      Architecture: platform === undefined ? 'arm64' : 'amd64',
    });
    void images.ensure(wish({ platform }), () => undefined, signal);
    await settle();
    expect(pulls[0]?.request.platform).toBe(pulled);
  });

  it('fails with the words of the registry', async () => {
    const { images, say } = fakeRegistry();
    const pulling = images.ensure(wish(), () => undefined, signal);
    const failing = expect(pulling).rejects.toMatchObject({
      code: 'image.pull_failed',
      message: expect.stringMatching(/^Failed to pull image app:v1: unauthorized\. \S/) as unknown,
    });
    await settle();
    say(0, { errorDetail: { message: 'unauthorized' }, error: 'unauthorized' });
    await failing;
  });

  it('fails when the engine has nothing after the pull', async () => {
    const { images, pulls } = fakeRegistry();
    const failing = expect(images.ensure(wish(), () => undefined, signal)).rejects.toMatchObject({
      code: 'image.pull_failed',
    });
    await settle();
    pulls[0]?.stream.end();
    await failing;
  });

  it('gives a silent pull up, but not one that moves', async () => {
    const { clock, images, say } = fakeRegistry();
    const failing = expect(images.ensure(wish(), () => undefined, signal)).rejects.toMatchObject({
      code: 'image.pull_failed',
      message: expect.stringContaining('no progress for 1 s') as unknown,
    });
    await settle();
    await clock.advance(900);
    say(0, { status: 'Pulling from app' });
    await settle();
    await clock.advance(900);
    await settle();
    await clock.advance(100);
    await failing;
  });

  it('lets the pull go when the last who waited has gone', async () => {
    const { images, pulls } = fakeRegistry();
    const [one, two] = [new AbortController(), new AbortController()];
    const first = images.ensure(wish(), () => undefined, one.signal).catch((error: unknown) => error);
    const second = images.ensure(wish(), () => undefined, two.signal).catch((error: unknown) => error);
    await settle();
    one.abort();
    expect(await first).toMatchObject({ kind: 'cancelled' });
    expect(pulls[0]?.signal.aborted).toBe(false);
    two.abort();
    expect(await second).toMatchObject({ kind: 'cancelled' });
    await settle();
    expect(pulls[0]?.signal.aborted).toBe(true);
  });

  it('tells how every pull ended, how long it took and what it downloaded', async () => {
    const { clock, images, pulls, say, finish, ended } = fakeRegistry();
    const first = images.ensure(wish(), () => undefined, signal);
    await settle();
    say(0, { id: 'l', status: 'Downloading', progressDetail: { current: 5, total: 10 } });
    await settle();
    await clock.advance(500);
    finish(0, 'app:v1');
    await first;
    expect(ended).toEqual([{ outcome: 'pulled', durationMs: 500, bytes: 5 }]);
    const failing = images.ensure(wish({ uri: 'app:v2' }), () => undefined, signal).catch(() => undefined);
    await settle();
    say(1, { error: 'no such tag' });
    await failing;
    const gone = new AbortController();
    const left = images.ensure(wish({ uri: 'app:v3' }), () => undefined, gone.signal).catch(() => undefined);
    await settle();
    gone.abort();
    await left;
    await settle();
    expect(pulls).toHaveLength(3);
    expect(ended.map(({ outcome }) => outcome)).toEqual(['pulled', 'failed', 'cancelled']);
  });
});
