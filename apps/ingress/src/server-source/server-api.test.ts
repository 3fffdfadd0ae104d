import { FakeClock } from '@opensandbox/testkit';
import { describe, expect, it } from 'vitest';
import { openServerApi } from './server-api.ts';

describe('the API of a server', () => {
  it('is not said to be away when those who asked have left', async () => {
    const api = openServerApi({ url: new URL('http://127.0.0.1:9'), apiKey: undefined }, new FakeClock());
    await expect(api.get('/sandboxes/a', AbortSignal.abort())).rejects.toMatchObject({ kind: 'cancelled' });
    await api.close();
  });
});
