import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A network namespace that stands for another host: reached from here by its addresses, and from nowhere else. */
export interface FarHost extends AsyncDisposable {
  readonly address: string;
  /** Another one of the same host. */
  readonly otherAddress: string;
  /** Runs what follows there, and becomes it. */
  readonly through: readonly string[];
  /** Takes the cable out, and puts it back. */
  setLink(state: 'up' | 'down'): Promise<void>;
}

export async function openFarHost(): Promise<FarHost> {
  const suffix = randomBytes(3).toString('hex');
  const name = `opensandbox-${suffix}`;
  const [near, far] = [`osn${suffix}`, `osf${suffix}`];
  // A network of the test's own: 10.219.x.0/29, of which x hardly ever is another test's.
  const subnet = `10.219.${randomBytes(1)[0] ?? 0}`;
  const inside = (...args: readonly string[]): Promise<unknown> => run('ip', ['-n', name, ...args]);
  await run('ip', ['netns', 'add', name]);
  try {
    await run('ip', ['link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', name]);
    await run('ip', ['addr', 'add', `${subnet}.1/29`, 'dev', near]);
    await run('ip', ['link', 'set', near, 'up']);
    await inside('link', 'set', 'lo', 'up');
    await inside('addr', 'add', `${subnet}.2/29`, 'dev', far);
    await inside('addr', 'add', `${subnet}.3/29`, 'dev', far);
    await inside('link', 'set', far, 'up');
  } catch (error) {
    await run('ip', ['netns', 'del', name]);
    throw error;
  }
  return {
    address: `${subnet}.2`,
    otherAddress: `${subnet}.3`,
    through: ['nsenter', `--net=/run/netns/${name}`, '--'],
    async setLink(state) {
      await inside('link', 'set', far, state);
    },
    // The pair of links goes with the namespace that holds one end, once nobody is in it.
    async [Symbol.asyncDispose]() {
      await run('ip', ['link', 'del', near]).catch(() => undefined); // gone already when its other end is
      await run('ip', ['netns', 'del', name]);
    },
  };
}
