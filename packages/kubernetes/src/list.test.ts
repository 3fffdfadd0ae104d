import { Fault } from '@opensandbox/base';
import { describe, expect, it } from 'vitest';
import type { ApiClient } from './api-client.ts';
import { listObjects } from './list.ts';
import type { ApiRequest } from './send.ts';

const expired = new Fault('conflict', 'kubernetes.expired', 'too old');
const resource = { group: '', version: 'v1', plural: 'pods', namespace: 'a b' };
const page = (names: readonly string[], next?: string) => ({
  metadata: { resourceVersion: '5', continue: next },
  items: names.map((name) => ({ metadata: { name } })),
});

async function list(answers: readonly unknown[]) {
  const requests: ApiRequest[] = [];
  const rest = [...answers];
  const client: ApiClient = {
    prepare: () => Promise.resolve(),
    open: () => Promise.reject(new Error('not here')),
    call: (request) => {
      requests.push(request);
      const answer = rest.shift();
      return answer instanceof Fault ? Promise.reject(answer) : Promise.resolve(answer);
    },
    [Symbol.dispose]: () => undefined,
  };
  const names: string[] = [];
  const sink = {
    take: ({ metadata }: { metadata: { name: string } }) => void names.push(metadata.name),
    restart: () => void names.splice(0),
  };
  const options = { resource, pageSize: 2, labelSelector: 'a=b' };
  const version = await listObjects(client, options, sink, new AbortController().signal);
  return { requests, names, version };
}

describe('listObjects', () => {
  it('reads page after page', async () => {
    const { requests, names, version } = await list([page(['a', 'b'], 'more'), page(['c'])]);
    expect({ names, version }).toEqual({ names: ['a', 'b', 'c'], version: '5' });
    expect(requests.map(({ path, query }) => ({ path, ...query }))).toEqual([
      { path: '/api/v1/namespaces/a%20b/pods', labelSelector: 'a=b', limit: 2 },
      { path: '/api/v1/namespaces/a%20b/pods', labelSelector: 'a=b', limit: 2, continue: 'more' },
    ]);
  });

  it('begins again without pages when the place of the next page got too old', async () => {
    const { requests, names } = await list([page(['gone', 'b'], 'more'), expired, page(['b', 'c', 'd'])]);
    expect(names).toEqual(['b', 'c', 'd']);
    expect(requests.at(-1)?.query).toEqual({ labelSelector: 'a=b' });
  });

  it('takes null for no items, and refuses an answer that is no list', async () => {
    const none = { metadata: { resourceVersion: '5' }, items: null };
    expect(await list([none])).toMatchObject({ names: [], version: '5' });
    await expect(list(['404 page not found'])).rejects.toMatchObject({ code: 'kubernetes.failed' });
    await expect(list([{ items: [] }])).rejects.toMatchObject({ code: 'kubernetes.failed' });
  });

  it('tells a refusal of the first page', async () => {
    await expect(list([expired])).rejects.toBe(expired);
  });
});
