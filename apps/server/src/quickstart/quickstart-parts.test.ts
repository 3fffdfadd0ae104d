import { FakeClock } from '@opensandbox/testkit';
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { chooseImage } from './demo-image.ts';
import { engineCandidates } from './find-engine.ts';
import { quickstartConfig } from './quickstart-config.ts';
import { removeFromEngine } from './remove-sandboxes.ts';
import { openStory } from './story.ts';

const forever = new AbortController().signal;

describe('engineCandidates', () => {
  it('is DOCKER_HOST alone when it is set', () => {
    expect(engineCandidates({ DOCKER_HOST: 'tcp://x:1' }, '/home/me')).toEqual(['tcp://x:1']);
  });

  it('begins with the usual socket and ends with Podman', () => {
    const found = engineCandidates({ XDG_RUNTIME_DIR: '/run/user/1' }, '/home/me');
    expect(found[0]).toBe('unix:///var/run/docker.sock');
    expect(found).toContain('unix:///run/user/1/docker.sock');
    expect(found.at(-1)).toBe('unix:///run/podman/podman.sock');
  });
});

describe('chooseImage', () => {
  const engineWith =
    (...images: string[]) =>
    async (path: string) => ({
      status: images.some((image) => path === `/images/${image}/json`) ? 200 : 404,
      body: {},
    });

  it.each([
    ['mine:1', [], { image: 'mine:1', isHere: false }],
    ['mine:1', ['mine:1'], { image: 'mine:1', isHere: true }],
    [undefined, ['opensandbox-demo:latest', 'python:3.11-slim'], { image: 'python:3.11-slim', isHere: true }],
    ['', ['opensandbox-demo:latest'], { image: 'opensandbox-demo:latest', isHere: true }],
    [undefined, [], { image: 'python:3.11-slim', isHere: false }],
  ])('with %j wanted and %j on the engine is %j', async (named, images, expected) => {
    expect(await chooseImage(named, engineWith(...images), forever)).toEqual(expected);
  });
});

it('quickstartConfig keeps to loopback, to its instance and to its directory', () => {
  expect(parse(quickstartConfig({ port: 4242, instance: 'quickstart-1', dir: '/tmp/q' }))).toEqual({
    server: { host: '127.0.0.1', port: 4242 },
    log: { file_enabled: true, file_path: '/tmp/q/server.log', access_file_path: '/tmp/q/access.log' },
    runtime: { type: 'docker' },
    docker: { network_mode: 'bridge', instance: 'quickstart-1' },
    store: { path: '/tmp/q/opensandbox.db' },
  });
});

it('removeFromEngine removes what carries the label of its instance', async () => {
  const calls: string[] = [];
  const removed = await removeFromEngine(
    async (method, path) => {
      calls.push(`${method} ${decodeURIComponent(path)}`);
      return { status: 200, body: method === 'GET' ? [{ Id: 'a' }, { Id: 'b' }] : '' };
    },
    'quickstart-1',
    forever,
  );
  expect(removed).toBe(2);
  expect(calls).toEqual([
    'GET /containers/json?all=1&filters={"label":["opensandbox.io/instance=quickstart-1"]}',
    'DELETE /containers/a?force=1&v=1',
    'DELETE /containers/b?force=1&v=1',
  ]);
});

describe('story', () => {
  function tell(isTTY: boolean) {
    const written: string[] = [];
    const clock = new FakeClock();
    return { clock, written, story: openStory({ write: (text) => written.push(text), isTTY }, clock) };
  }

  it('tells a step with its time', async () => {
    const { clock, written, story } = tell(false);
    await story.step('count', async () => (await clock.advance(42), 7), String);
    expect(written).toEqual(['ok      42 ms  count: 7\n']);
  });

  it('tells a failed step and passes the failure on', async () => {
    const { written, story } = tell(true);
    await expect(story.step('count', () => Promise.reject(new Error('no')), String)).rejects.toThrow('no');
    expect(written[0]).toMatch(/\u001b\[31mfail\u001b\[0m.*count\n$/);
  });
});
