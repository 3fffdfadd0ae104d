import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault, silentLogger, systemClock } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import type { PullRequest } from '../src/engine/engine.ts';
import { createImages } from '../src/images/images.ts';
import { temporaryDirectory } from './docker-harness.ts';

const { signal } = new AbortController();
const ADDRESS = 'https://index.registry.example/v1/';
const auth = Buffer.from('someone:secret').toString('base64');

/** The credentials that a pull is asked for with, where the CLI's configuration is `config`. */
async function pulledWith(uri: string, config: object): Promise<unknown> {
  await using directory = await temporaryDirectory();
  await writeFile(join(directory.path, 'config.json'), JSON.stringify(config));
  let asked: PullRequest | undefined;
  const images = createImages({
    clock: systemClock(),
    log: silentLogger,
    env: { DOCKER_CONFIG: directory.path },
    enginePlatform: undefined,
    pullPolicy: 'if-not-present',
    stallMs: 1_000,
    engine: {
      info: async () => ({ IndexServerAddress: ADDRESS }),
      inspectImage: async () => {
        throw new Fault('not_found', 'engine.failed', 'No such image');
      },
      pull: async (request) => {
        asked = request;
        throw new Fault('internal', 'engine.failed', 'asked enough');
      },
    },
  });
  const wish = { uri, auth: undefined, platform: undefined };
  await images.ensure(wish, () => undefined, signal).catch(() => undefined); // only the question matters
  return asked?.auth === undefined ? undefined : JSON.parse(Buffer.from(asked.auth, 'base64url').toString());
}

describe('a login for the default registry', () => {
  const config = { auths: { [ADDRESS]: { auth } } };

  it.each(['app', 'org/app:v1', 'registry.example/org/app', 'index.registry.example/org/app@sha256:abc'])(
    'is used for %s',
    async (uri) => {
      expect(await pulledWith(uri, config)).toEqual({ username: 'someone', password: 'secret' });
    },
  );

  it.each(['other.example/app', 'localhost/app'])('is not shown to the registry of %s', async (uri) => {
    expect(await pulledWith(uri, config)).toBeUndefined();
  });
});
